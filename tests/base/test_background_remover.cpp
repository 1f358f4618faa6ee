// A removed file is gone at once, whatever its space still waits for, and nothing of it is left by a kill.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "codec_support.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/checkpoint/background_remover.h"
#include "levin/framework/checkpoint/checkpoint_io.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/temporary_folder.h"

using namespace levin;
using namespace levin::test;

namespace {

void touch(const std::string& path) { std::ofstream(path) << "content"; }

int descriptors_in(const std::string& folder) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own
    found += std::filesystem::read_symlink(entry, gone).string().starts_with(folder + "/");
  }
  return found;
}

// Gives no space back before it is let.
class SlowFiles final : public ForwardingFiles {
 public:
  std::promise<void> may_release;
  std::atomic<int> released = 0;

  int close(int fd) override {
    let_.wait();
    ++released;
    return ForwardingFiles::close(fd);
  }

 private:
  std::shared_future<void> let_ = may_release.get_future().share();
};

// Where descriptors can't be had, or removals fail.
class PoorFiles final : public ForwardingFiles {
 public:
  int hold_error = 0, unlink_error = 0;
  int hold(const std::string& path) override { return hold_error ? -hold_error : ForwardingFiles::hold(path); }
  int unlink(const std::string& path) override { return unlink_error ? -unlink_error : ForwardingFiles::unlink(path); }
};

}  // namespace

TEST_CASE("a removed file is gone and its name free before its space is") {
  const TemporaryFolder folder;
  touch(folder / "a");
  SlowFiles files;
  BackgroundRemover remover(files);
  remover.remove(folder / "a");
  CHECK(folder.names().empty());  // under no name at all
  touch(folder / "a");            // another file of that name, which stays
  CHECK(files.released == 0);
  CHECK(remover.busy());
  files.may_release.set_value();
  remover.wait();
  CHECK(files.released == 1);
  CHECK(folder.names() == std::vector<std::string>{"a"});
  CHECK_FALSE(remover.busy());
}

TEST_CASE("the space is given back: no descriptor keeps a file once the remover has been waited for") {
  const TemporaryFolder folder;
  touch(folder / "a");
  SlowFiles files;
  BackgroundRemover remover(files);
  remover.remove(folder / "a");
  CHECK(descriptors_in(folder.path()) == 1);
  files.may_release.set_value();
  remover.wait();
  CHECK(descriptors_in(folder.path()) == 0);
}

TEST_CASE("a missing file is fine, a folder goes with what is in it, and of a link the link") {
  const TemporaryFolder folder;
  ::mkdir((folder / "checkpoint").c_str(), 0755);
  touch(folder / "checkpoint/shard");
  touch(folder / "kept");
  REQUIRE(::symlink("kept", (folder / "link").c_str()) == 0);
  BackgroundRemover remover;
  remover.remove(folder / "none");
  remover.remove(folder / "kept/below");
  remover.remove(folder / "checkpoint");
  remover.remove(folder / "link");
  CHECK(folder.names() == std::vector<std::string>{"kept"});
}

TEST_CASE("everything is given back when the remover goes, and not more than a few files wait") {
  const TemporaryFolder folder;
  SlowFiles files;
  std::thread later;
  {
    BackgroundRemover remover(files);
    for (int i = 0; i < 100; ++i) {
      touch(folder / std::to_string(i));
      if (i == 8) later = std::thread([&] { files.may_release.set_value(); });  // the ninth has to wait
      remover.remove(folder / std::to_string(i));
      if (i < 8) CHECK(files.released == 0);
    }
  }
  later.join();
  CHECK(files.released == 100);
  CHECK(folder.names().empty());
}

TEST_CASE("without a descriptor a file is removed all the same") {
  for (const int error : {EMFILE, ENFILE, ENOSYS, EACCES}) {
    const TemporaryFolder folder;
    touch(folder / "a");
    PoorFiles files;
    files.hold_error = error;
    BackgroundRemover remover(files);
    remover.remove(folder / "a");
    CHECK(folder.names().empty());
    CHECK_FALSE(remover.busy());
  }
}

TEST_CASE("a removal that fails says so at once, with the file's name, and holds nothing") {
  for (const int error : {EIO, EROFS, EACCES, EBUSY}) {
    const TemporaryFolder folder;
    touch(folder / "a");
    PoorFiles files;
    files.unlink_error = error;
    BackgroundRemover remover(files);
    CHECK_THROWS_WITH(remover.remove(folder / "a"),
                      Catch::StartsWith("[Errno " + std::to_string(error) + "] ") && Catch::EndsWith("'" + (folder / "a") + "'"));
    remover.wait();
    CHECK(folder.names() == std::vector<std::string>{"a"});
  }
}

TEST_CASE("a process that is killed before the space is given back leaves nothing behind") {
  const TemporaryFolder folder;
  touch(folder / "a.ckpt");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    SlowFiles files;
    BackgroundRemover remover(files);
    remover.remove(folder / "a.ckpt");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK(folder.names().empty());
}

TEST_CASE("the end of a run waits for the space, and a checkpoint of that name can be saved before") {
  const TemporaryFolder folder;
  CheckpointIO io;
  const Value first = Dict{{"a", floats(std::vector<float>(50'000, 1))}}, second = Dict{{"a", floats(std::vector<float>(50'000, 2))}};
  io.save_checkpoint(first, folder / "x.ckpt");
  io.remove_checkpoint(folder / "x.ckpt");
  CHECK_FALSE(io.exists(folder / "x.ckpt"));
  io.save_checkpoint(second, folder / "x.ckpt");
  io.teardown();
  CHECK(io.load_checkpoint(folder / "x.ckpt") == second);
  CHECK(folder.names() == std::vector<std::string>{"x.ckpt"});
}
