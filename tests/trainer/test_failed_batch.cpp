// A checkpoint that is saved when a batch has failed: whoever resumes repeats the batch, and nothing of it counts twice.
#include <string>
#include <vector>

#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/on_exception_checkpoint.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/callback.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

enum class Fails { never, before_logging, after_logging };

// Logs each kind of reduction, and fails once in the given batch of the second epoch.
class Fragile : public TinyModule {
 public:
  explicit Fragile(Fails fails, std::int64_t batch) : fails_(fails), batch_(batch) {}

  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t batch_idx) override {
    fail_if(Fails::before_logging, batch_idx);
    const at::Tensor value = loss(batch);
    log("loss", value, {.on_step = true, .on_epoch = true});
    log("sum", value, {.on_step = false, .on_epoch = true, .reduce_fx = "sum"});
    log("largest", value, {.on_step = false, .on_epoch = true, .reduce_fx = "max"});
    log("batch", static_cast<double>(batch_idx), {.on_step = true});
    fail_if(Fails::after_logging, batch_idx);
    return value;
  }
  void on_train_batch_end(const levin::StepOutput&, const levin::Batch&, std::int64_t batch_idx) override {
    log("end", static_cast<double>(batch_idx), {.on_step = false, .on_epoch = true, .reduce_fx = "sum"});
  }
  void on_train_epoch_end() override {
    for (const char* name : {"loss_epoch", "sum", "largest", "end"}) epochs.push_back(trainer().callback_metrics().at(name));
  }
  std::vector<double> epochs;

 private:
  void fail_if(Fails where, std::int64_t batch_idx) {
    if (where == fails_ && batch_idx == batch_ && current_epoch() == 1) throw levin::RuntimeError("this batch fails");
  }
  Fails fails_;
  std::int64_t batch_;
};

levin::TrainerOptions options(const std::string& folder, std::int64_t accumulate, bool by_model_checkpoint) {
  levin::Callbacks callbacks{by_model_checkpoint ? std::shared_ptr<levin::Callback>(levin::make<levin::ModelCheckpoint>(
                                                       {.dirpath = folder, .filename = "failed", .save_on_exception = true, .every_n_epochs = 100}))
                                                 : std::shared_ptr<levin::Callback>(levin::make<levin::OnExceptionCheckpoint>({.dirpath = folder, .filename = "failed"}))};
  return quiet({.callbacks = callbacks, .max_epochs = 3, .accumulate_grad_batches = accumulate});
}

struct Ran {
  std::vector<double> epochs;
  at::Tensor w;
};

Ran train(const std::string& folder, std::int64_t accumulate, bool by_model_checkpoint, std::optional<std::string> from = {}) {
  Fragile module(Fails::never, 0);
  levin::Trainer trainer(options(folder, accumulate, by_model_checkpoint));
  trainer.fit(module, {.train = tiny_data(7), .ckpt_path = from});
  return {module.epochs, module.w.detach().clone()};
}

}  // namespace

TEST_CASE("a batch that failed and is repeated by the resumed run is logged once") {
  levin::CapturedMessages messages;
  for (const bool by_model_checkpoint : {false, true}) {
    for (const Fails fails : {Fails::before_logging, Fails::after_logging}) {
      for (const std::int64_t accumulate : {1, 3}) {
        for (const std::int64_t batch : {0, 1, 4, 6}) {
          INFO("by ModelCheckpoint " << by_model_checkpoint << ", fails " << static_cast<int>(fails) << ", accumulate " << accumulate << ", batch " << batch);
          const TemporaryFolder folder, other;
          const Ran whole = train(other / "whole", accumulate, by_model_checkpoint);
          Fragile module(fails, batch);
          levin::Trainer trainer(options(folder.path(), accumulate, by_model_checkpoint));
          CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(7)}), "this batch fails");
          const Ran resumed = train(other / "resumed", accumulate, by_model_checkpoint, folder / "failed.ckpt");
          // The second epoch's values and the third's.
          REQUIRE(resumed.epochs.size() == 8);
          CHECK(resumed.epochs == std::vector<double>(whole.epochs.begin() + 4, whole.epochs.end()));
          CHECK(at::equal(resumed.w, whole.w));
        }
      }
    }
  }
}
