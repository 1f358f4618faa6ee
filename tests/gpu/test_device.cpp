// What levin_cuda does beneath training: transfers, streams, generators.
#include <ATen/ATen.h>

#include <chrono>

#include "levin/framework/accelerators/cuda_accelerator.h"
#include "levin/framework/base/console.h"
#include "levin/framework/data/seed.h"
#include "support/catch.h"
#include "support/tiny_module.h"
#include "gpu.h"

TEST_CASE("tensors come to the device whole, from ordinary and from pinned memory") {
  levin::CudaBackend& cuda = gpu();
  const at::Device device(at::kCUDA, 0);
  const at::Tensor plain = at::rand({1000, 1000}), pinned = at::rand({1000, 1000}).pin_memory(), strided = at::rand({512, 640}).t(), small = at::rand({8, 8}), empty = at::empty({0, 3});
  const at::Tensor expanded = at::rand({1, 1000}).expand({1000, 1000});
  const at::Tensor there = at::rand({3}, device);
  for (int round = 0; round < 20; ++round) {
    const auto moved = cuda.to_device({plain, pinned, strided, empty, there, small, expanded}, device);
    REQUIRE(moved.size() == 7);
    const at::Tensor products = at::matmul(moved[0], moved[1]);  // on the current stream, right away
    CHECK(at::equal(moved[0].cpu(), plain));
    CHECK(at::equal(moved[1].cpu(), pinned));
    CHECK(at::equal(moved[2].cpu(), strided));
    CHECK(moved[3].sizes() == empty.sizes());
    CHECK(moved[4].is_same(there));
    CHECK(at::equal(moved[5].cpu(), small));
    CHECK(at::equal(moved[6].cpu(), expanded));
    CHECK(products.device() == device);
  }
}

TEST_CASE("a copy to the device goes beside what it computes") {
  levin::CudaBackend& cuda = gpu();
  const at::Device device(at::kCUDA, 0);
  const at::Tensor batch = at::zeros({1 << 27}).pin_memory();  // 512 MB, 10 ms or more
  const at::Tensor a = at::rand({8192, 8192}, device);
  const auto compute = [&] { (void)at::matmul(a, a); };
  const auto copy = [&] { (void)cuda.to_device({batch}, device); };
  const auto seconds = [&](auto&&... work) {
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      cuda.synchronize(device);
      const auto start = std::chrono::steady_clock::now();
      (work(), ...);
      cuda.synchronize(device);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const double computing = seconds(compute), copying = seconds(copy), both = seconds(compute, copy);
  INFO("computing " << computing << " s, copying " << copying << " s, both " << both << " s");
  CHECK(both < computing + copying - 0.5 * std::min(computing, copying));
}

TEST_CASE("the transfer hooks go on working, in Lightning's order") {
  gpu();
  struct Hooked : TinyModule {
    std::string seen;
    levin::Batch on_before_batch_transfer(levin::Batch batch, std::int64_t) override {
      seen += batch[0].tensor().is_cpu() ? "b" : "?";
      return batch;
    }
    levin::Batch transfer_batch_to_device(levin::Batch batch, at::Device device, std::int64_t idx) override {
      seen += "t";
      return TinyModule::transfer_batch_to_device(std::move(batch), device, idx);
    }
    levin::Batch on_after_batch_transfer(levin::Batch batch, std::int64_t) override {
      seen += batch[0].tensor().is_cuda() ? "a" : "?";
      return batch;
    }
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      seen += "s";
      return TinyModule::training_step(batch, idx);
    }
  } module;
  levin::Trainer trainer(quiet({.accelerator = "gpu", .devices = 1, .max_epochs = 1, .enable_checkpointing = false}));
  trainer.fit(module, {.train = tiny_data(3)});
  CHECK(module.seen == "btasbtasbtas");
}

TEST_CASE("generators of devices are seeded, kept and put back") {
  levin::CudaBackend& cuda = gpu();
  const at::Device device(at::kCUDA, 0);
  const auto draw = [&] { return at::rand({8}, device).cpu(); };
  levin::seed_everything(11);
  const at::Tensor first = draw();
  const auto states = cuda.generator_states();
  const at::Tensor second = draw();
  cuda.set_generator_states(states);
  CHECK(at::equal(draw(), second));
  levin::seed_everything(11);
  CHECK(at::equal(draw(), first));
}

TEST_CASE("an error of a step on the GPU leaves a Trainer that says what happened") {
  gpu();
  struct Failing : TinyModule {
    levin::StepOutput training_step(const levin::Batch& batch, std::int64_t idx) override {
      if (idx == 2) throw levin::ValueError("boom");
      return TinyModule::training_step(batch, idx);
    }
  } module;
  levin::Trainer trainer(quiet({.accelerator = "gpu", .devices = 1, .max_epochs = 1, .enable_checkpointing = false}));
  CHECK_THROWS_WITH(trainer.fit(module, {.train = tiny_data(4)}), "boom");
  CHECK(module.device() == at::kCPU);
}
