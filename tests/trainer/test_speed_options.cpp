// The Trainer's `num_threads` and `channels_last`, and what `log()` allocates.
#include <ATen/Parallel.h>
#include <torch/nn/modules/conv.h>

#include <cstdlib>
#include <new>
#include <optional>

#include "levin/framework/base/errors.h"
#include "levin/framework/loops/thread_scope.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {
thread_local std::int64_t allocations = 0;
}

// Every allocation of this program in C++, counted.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

// As if nobody had set OMP_NUM_THREADS, which ctest does.
class WithoutThreadsNamed {
 public:
  WithoutThreadsNamed() {
    if (const char* const named = std::getenv("OMP_NUM_THREADS")) before_ = named;
    ::unsetenv("OMP_NUM_THREADS");
    threads_ = at::get_num_threads();
    at::set_num_threads(2);
  }
  ~WithoutThreadsNamed() {
    if (before_) ::setenv("OMP_NUM_THREADS", before_->c_str(), 1);
    at::set_num_threads(threads_);
  }

 private:
  std::optional<std::string> before_;
  int threads_ = 0;
};

class Counting : public TinyModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
    threads.push_back(at::get_num_threads());
    return TinyModule::training_step(batch, idx);
  }
  levin::StepOutput validation_step(const levin::Batch& batch, std::int64_t idx) override {
    threads.push_back(at::get_num_threads());
    return TinyModule::validation_step(batch, idx);
  }
  std::vector<int> threads;
};

std::vector<int> threads_of_fit(levin::TrainerOptions options, std::int64_t batch_size = 2) {
  Counting module;
  options.max_epochs = 1;
  options.num_sanity_val_steps = 0;
  options.enable_checkpointing = false;
  levin::Trainer trainer(quiet(options));
  trainer.fit(module, {.train = tiny_data(2, batch_size), .val = tiny_data(1)});
  return module.threads;
}

}  // namespace

TEST_CASE("a tiny model trains and validates on one thread, and the threads are put back") {
  const WithoutThreadsNamed threads;
  CHECK(threads_of_fit({}) == std::vector<int>{1, 1, 1});
  CHECK(at::get_num_threads() == 2);
}

TEST_CASE("a model whose batches are work keeps its threads") {
  const WithoutThreadsNamed threads;
  CHECK(threads_of_fit({}, 1 << 20) == std::vector<int>{2, 2, 2});
}

TEST_CASE("whoever names a number of threads gets it: the option, or OMP_NUM_THREADS") {
  const WithoutThreadsNamed threads;
  CHECK(threads_of_fit({.num_threads = 2}) == std::vector<int>{2, 2, 2});
  CHECK(threads_of_fit({.num_threads = 1}, 1 << 20) == std::vector<int>{1, 1, 1});
  CHECK(at::get_num_threads() == 2);
  ::setenv("OMP_NUM_THREADS", "2", 1);
  CHECK(threads_of_fit({}) == std::vector<int>{2, 2, 2});
  ::unsetenv("OMP_NUM_THREADS");
}

TEST_CASE("num_threads holds for an evaluation alone, and is put back when a run fails") {
  const WithoutThreadsNamed threads;
  Counting module;
  levin::Trainer trainer(quiet({.num_threads = 1}));
  trainer.validate(module, {.dataloaders = tiny_data(1), .verbose = false});
  CHECK(module.threads == std::vector<int>{1});
  class Failing : public TinyModule {
    levin::StepOutput training_step(const levin::Batch&, std::int64_t) override { throw levin::ValueError("no"); }
  } failing;
  levin::Trainer tiny(quiet({.max_epochs = 1, .enable_checkpointing = false}));
  CHECK_THROWS_AS(tiny.fit(failing, {.train = tiny_data(1)}), levin::ValueError);
  CHECK(at::get_num_threads() == 2);
}

TEST_CASE("num_threads below 1 is refused") {
  CHECK_THROWS_WITH(levin::Trainer({.num_threads = 0}), "`Trainer(num_threads=0)` must be from 1 to 4096, or unset for as many as fit the model.");
}

namespace {

class Convolution : public levin::LightningModule {
 public:
  Convolution() : conv(register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 3, 3)))) {
    for (std::int64_t i = 0; i < conv->weight.numel(); ++i) conv->weight.data().view(-1)[i] = 0.01 * static_cast<double>(i % 7);
    conv->bias.data().zero_();
  }
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    const at::Tensor output = conv(batch[0]);
    channels_last = output.is_contiguous(at::MemoryFormat::ChannelsLast);
    return output.square().mean();
  }
  levin::OptimizerConfig configure_optimizers() override { return levin::optim::sgd(parameters(), {.lr = 0.1}); }
  torch::nn::Conv2d conv;
  bool channels_last = false;
};

at::Tensor trained(levin::TrainerOptions options, Convolution& module) {
  options.max_epochs = 2;
  options.enable_checkpointing = false;
  levin::Trainer trainer(quiet(options));
  trainer.fit(module, {.train = levin::DataLoader(levin::TensorDataset({at::arange(2 * 2 * 5 * 5, at::kFloat).view({2, 2, 5, 5}) / 100}), {.batch_size = 2})});
  return module.conv->weight.detach().contiguous();
}

}  // namespace

TEST_CASE("channels_last changes how convolutions lie in memory, and nothing else") {
  Convolution plain, last;
  const at::Tensor expected = trained({}, plain), got = trained({.channels_last = true}, last);
  CHECK_FALSE(plain.channels_last);
  CHECK(last.channels_last);
  CHECK(last.conv->weight.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK(at::allclose(got, expected, 1e-5, 1e-7));
  CHECK_FALSE(at::allclose(got, Convolution().conv->weight));
}

TEST_CASE("log() allocates nothing after the first step") {
  class Logging : public TinyModule {
   public:
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
      const at::Tensor value = loss(batch);
      const std::int64_t before = allocations;
      log("train_loss", value, {.prog_bar = true, .on_step = true, .on_epoch = true});
      log("a_name_that_fits_in_no_small_string_at_all", 0.5);
      counts.push_back(allocations - before);
      return value;
    }
    std::vector<std::int64_t> counts;
  } module;
  levin::Trainer trainer(quiet({.max_epochs = 2, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(3)});
  REQUIRE(module.counts.size() == 6);
  CHECK(module.counts[0] > 0);
  for (std::size_t i = 1; i < module.counts.size(); ++i) CHECK(module.counts[i] == 0);
}
