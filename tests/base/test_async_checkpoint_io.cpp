#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/snapshot.h"
#include "levin/framework/checkpoint/async_checkpoint_io.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;

namespace {

// Notes what happens in which order; a save waits until it is let go, and fails if asked to.
class Recorder final : public CheckpointIO {
 public:
  void save_checkpoint(const Value& checkpoint, const std::string& path) override {
    gate.get_future().wait();
    gate = {};
    values.push_back(checkpoint.at("w").as_tensor().storage->nbytes ? *static_cast<const float*>(checkpoint.at("w").as_tensor().storage->data) : 0);
    if (fail) throw OSError("[Errno 28] No space left on device: '" + path + "'");
    done.push_back("save " + path);
  }
  Value load_checkpoint(const std::string& path) override {
    done.push_back("load " + path);
    return {};
  }
  void remove_checkpoint(const std::string& path) override { done.push_back("remove " + path); }
  void link_checkpoint(const std::string& target, const std::string& link) override { done.push_back("link " + link + " to " + target); }
  bool exists(const std::string& path) override { return path == "on disk"; }

  std::promise<void> gate;
  std::vector<std::string> done;
  std::vector<float> values;
  bool fail = false;
};

struct Weights {
  std::vector<float> numbers{1, 2, 3};
  Value state() {
    TensorRef tensor;
    tensor.sizes = {3};
    tensor.strides = {1};
    tensor.storage = std::make_shared<const Storage>(Storage{.nbytes = 12, .data = numbers.data()});
    return Dict{{"w", tensor}};
  }
};

}  // namespace

TEST_CASE("an async save keeps the state of its moment, whatever training does meanwhile") {
  auto io = std::make_shared<Recorder>();
  AsyncCheckpointIO async(io);
  Weights weights;
  async.save_checkpoint(weights.state(), "a");
  weights.numbers[0] = 7;
  io->gate.set_value();
  async.teardown();
  CHECK(io->values == std::vector<float>{1});
}

TEST_CASE("links and removals wait for the save they follow") {
  auto io = std::make_shared<Recorder>();
  AsyncCheckpointIO async(io);
  Weights weights;
  async.save_checkpoint(weights.state(), "new");
  async.link_checkpoint("new", "last");
  async.remove_checkpoint("old");
  CHECK(io->done.empty());
  io->gate.set_value();
  async.teardown();
  CHECK(io->done == std::vector<std::string>{"save new", "link last to new", "remove old"});
}

TEST_CASE("a name counts as taken while its file is being written, and as free while its removal waits") {
  auto io = std::make_shared<Recorder>();
  AsyncCheckpointIO async(io);
  Weights weights;
  CHECK(async.exists("on disk"));
  CHECK_FALSE(async.exists("new"));
  async.save_checkpoint(weights.state(), "new");
  async.remove_checkpoint("on disk");
  CHECK(async.exists("new"));
  CHECK_FALSE(async.exists("on disk"));
  io->gate.set_value();
  async.teardown();
}

TEST_CASE("a failed save surfaces once at the next look, and nothing that was queued behind it happens") {
  for (const int where : {0, 1, 2, 3}) {
    INFO(where);
    auto io = std::make_shared<Recorder>();
    AsyncCheckpointIO async(io);
    Weights weights;
    io->fail = true;
    CHECK_NOTHROW(async.rethrow_failure());
    async.save_checkpoint(weights.state(), "new");
    async.remove_checkpoint("old");
    io->gate.set_value();
    const auto look = [&] {
      if (where == 0) return async.teardown();
      if (where == 1) return async.save_checkpoint(weights.state(), "next");
      if (where == 2) return void(async.load_checkpoint("new"));
      // The look after each batch doesn't wait, so here we do.
      while (true) {
        async.rethrow_failure();
        std::this_thread::yield();
      }
    };
    CHECK_THROWS_WITH(look(), "[Errno 28] No space left on device: 'new'");
    CHECK(io->done.empty());
    CHECK_NOTHROW(async.teardown());
  }
}

TEST_CASE("a load waits for the save in flight") {
  auto io = std::make_shared<Recorder>();
  AsyncCheckpointIO async(io);
  Weights weights;
  async.save_checkpoint(weights.state(), "new");
  auto loaded = std::async(std::launch::async, [&] { async.load_checkpoint("new"); });
  io->gate.set_value();
  loaded.get();
  CHECK(io->done == std::vector<std::string>{"save new", "load new"});
}

TEST_CASE("an async save of real files is there after teardown") {
  const TemporaryFolder folder;
  AsyncCheckpointIO async;
  Weights weights;
  for (int i = 0; i < 5; ++i) {
    weights.numbers[0] = static_cast<float>(i);
    async.save_checkpoint(weights.state(), folder / ("a" + std::to_string(i)));
    if (i > 0) async.remove_checkpoint(folder / ("a" + std::to_string(i - 1)));
  }
  async.teardown();
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  CHECK(files == 1);
  const Value back = async.load_checkpoint(folder / "a4");
  CHECK(static_cast<const float*>(back.at("w").as_tensor().storage->data)[0] == 4);
}

TEST_CASE("snapshots keep ties, and use their memory again once the one before is gone") {
  Weights weights;
  Value tree = weights.state();
  const Value w = tree.at("w");
  tree["tied"] = w;
  Snapshots snapshots;
  const void* first = nullptr;
  {
    const Value copy = snapshots.take(tree);
    first = copy.at("w").as_tensor().storage->data;
    CHECK(first != weights.numbers.data());
    CHECK(copy.at("w").as_tensor().storage == copy.at("tied").as_tensor().storage);
    CHECK(copy == tree);
    const Value second = snapshots.take(tree);
    CHECK(second.at("w").as_tensor().storage->data != first);
    first = second.at("w").as_tensor().storage->data;
  }
  CHECK(snapshots.take(tree).at("w").as_tensor().storage->data == first);
}
