#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/codec_support.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/temporary_folder.h"

using namespace levin;
using namespace levin::test;
using Catch::Matchers::Contains;

namespace {

// The real files, of which one call fails, and with the names that every call was given.
class FailingFiles final : public ForwardingFiles {
 public:
  int fail_at = -1, error = EIO;  // fail_at counts from 0
  std::string always_fails;       // a call's name
  std::vector<std::string> calls, paths;

  int open_exclusive(const std::string& path, unsigned mode) override {
    return fails("open", path) ? -error : real_files().open_exclusive(path, mode);
  }
  std::int64_t write(int fd, const void* data, std::size_t size) override {
    return fails("write") ? -error : real_files().write(fd, data, std::min<std::size_t>(size, 9000));
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override {
    return fails("read") ? -error : real_files().read(fd, data, size, offset);
  }
  void start_writing_back(int, std::int64_t, std::int64_t) override {}
  int fsync(int fd) override { return fails("fsync") ? -error : real_files().fsync(fd); }
  int close(int fd) override {
    const int closed = real_files().close(fd);  // a failing close closes all the same
    return fails("close") ? -error : closed;
  }
  int rename(const std::string& from, const std::string& to) override {
    paths.push_back(from);
    return fails("rename", to) ? -error : real_files().rename(from, to);
  }
  int unlink(const std::string& path) override {
    return fails("unlink", path) ? -error : real_files().unlink(path);
  }
  int fsync_directory(const std::string& folder) override {
    return fails("fsync folder", folder) ? -error : real_files().fsync_directory(folder);
  }
  int list(const std::string& folder, std::vector<std::string>& names) override {
    return fails("list", folder) ? -error : real_files().list(folder, names);
  }
  int symlink(const std::string& target, const std::string& path) override {
    return fails("symlink", path) ? -error : real_files().symlink(target, path);
  }
  bool failed() const { return fail_at >= 0 && fail_at < static_cast<int>(calls.size()); }
  std::string failed_call() const { return calls.at(static_cast<std::size_t>(fail_at)); }

 private:
  bool fails(const std::string& call, const std::string& path = "") {
    if (!path.empty()) paths.push_back(path);
    calls.push_back(call);
    return static_cast<int>(calls.size()) - 1 == fail_at || call == always_fails;
  }
};

// A folder with an older checkpoint, a link to it and a decoy.
class Folder : public TemporaryFolder {
 public:
  Folder() {
    save_archive(old_tree(), *this / "old.ckpt");
    save_archive(old_tree(), *this / "x.ckpt");
    replace_symlink(real_files(), "old.ckpt", *this / "last.ckpt");
  }
  static Value old_tree() { return Dict{{"a", floats(std::vector<float>(5000, 1))}}; }
  static Value new_tree() { return Dict{{"a", floats(std::vector<float>(9000, 2))}}; }
};

const std::vector<std::string> all_names{"last.ckpt", "old.ckpt", "x.ckpt"};
const int errors[] = {ENOSPC, EIO, EINTR, EDQUOT, EROFS, EXDEV, ENOMEM, ESTALE};

// Calls `work` on a new folder again and again, each time with the next call failing, until none
// does. `is_done(call)` says after which calls the new state is in place.
void fail_each_call(int error, const std::function<void(Files&, const Folder&)>& work,
                    const std::function<void(const Folder&, bool in_place)>& look,
                    const std::string& path_in_message) {
  for (int call = 0;; ++call) {
    const Folder folder;
    FailingFiles files;
    files.fail_at = call, files.error = error;
    std::string message;
    try {
      work(files, folder);
    } catch (const OSError& e) {
      message = e.what();
    }
    INFO("call " << call << ", error " << error << ": " << message);
    const bool failed = files.failed();
    if (!message.empty()) {
      REQUIRE(failed);
      CHECK_THAT(message, Contains("[Errno " + std::to_string(error) + "] ") &&
                              Contains("'" + (folder / path_in_message) + "'"));
    } else if (failed) {
      // Only what an interruption leaves no doubt about is gone on with.
      CHECK(error == EINTR);
      CHECK(files.failed_call() != "fsync");
    }
    look(folder, message.empty() || files.failed_call() == "fsync folder");
    CHECK(folder.names() == all_names);
    if (!failed) return;
  }
}

}  // namespace

TEST_CASE("whichever call of a save fails, other files and the old one are as they were") {
  for (const int error : errors) {
    fail_each_call(
        error,
        [](Files& files, const Folder& folder) {
          save_archive(Folder::new_tree(), (folder / "x.ckpt"), files);
        },
        [](const Folder& folder, bool in_place) {
          CHECK(contents_of((folder / "x.ckpt")) ==
                archive_bytes(in_place ? Folder::new_tree() : Folder::old_tree()));
          CHECK(contents_of((folder / "old.ckpt")) == archive_bytes(Folder::old_tree()));
          CHECK(read_archive((folder / "last.ckpt")) == Folder::old_tree());
        },
        "x.ckpt");
  }
}

TEST_CASE("whichever call fails while the link is moved, it leads to the old file or the new one") {
  for (const int error : errors) {
    fail_each_call(
        error,
        [](Files& files, const Folder& folder) {
          replace_symlink(files, "x.ckpt", (folder / "last.ckpt"));
        },
        [](const Folder& folder, bool in_place) {
          char target[64] = {};
          CHECK(::readlink((folder / "last.ckpt").c_str(), target, sizeof target - 1) > 0);
          CHECK(std::string(target) == (in_place ? "x.ckpt" : "old.ckpt"));
          CHECK(read_archive((folder / "last.ckpt")) == Folder::old_tree());
        },
        "last.ckpt");
  }
}

TEST_CASE("a temporary file that can't be removed either does not hide the first error") {
  const Folder folder;
  FailingFiles files;
  files.always_fails = "unlink", files.fail_at = 1, files.error = ENOSPC;
  CHECK_THROWS_WITH(save_archive(Folder::new_tree(), (folder / "x.ckpt"), files),
                    Contains("[Errno 28] No space left on device: '" + (folder / "x.ckpt")));
  CHECK(contents_of((folder / "x.ckpt")) == archive_bytes(Folder::old_tree()));
}

TEST_CASE("a sweep that can't list or remove does nothing and throws nothing") {
  const Folder folder;
  for (const char* call : {"list", "unlink"}) {
    FailingFiles files;
    files.always_fails = call;
    CHECK(remove_stale_temporaries(files, folder.path()) == 0);
  }
  CHECK(folder.names() == all_names);
}

TEST_CASE("a save touches nothing outside the target's folder, whatever TMPDIR says") {
  ::setenv("TMPDIR", "/dev/shm", 1);
  const Folder folder;
  FailingFiles files;
  save_archive(Folder::new_tree(), (folder / "x.ckpt"), files);
  replace_symlink(files, "x.ckpt", (folder / "last.ckpt"));
  remove_stale_temporaries(files, folder.path());
  ::unsetenv("TMPDIR");
  REQUIRE(files.paths.size() >= 7);
  for (const std::string& path : files.paths)
    CHECK((path == folder.path() || folder_of(path) == folder.path()));
}

TEST_CASE("where symbolic links are refused, the last file is a copy and that is said") {
  for (const int error : {EPERM, ENOTSUP, ENOSYS, EINVAL}) {
    const Folder folder;
    FailingFiles files;
    save_archive(Folder::new_tree(), (folder / "x.ckpt"));
    files.always_fails = "symlink", files.error = error;
    const Linked linked = link_or_copy(files, "x.ckpt", (folder / "last.ckpt"));
    CHECK(linked.is_copy);
    CHECK(linked.synced);
    CHECK(::unlink((folder / "x.ckpt").c_str()) == 0);
    CHECK(read_archive((folder / "last.ckpt")) == Folder::new_tree());
    save_archive(Folder::new_tree(), (folder / "x.ckpt"));
    const Linked moved = link_or_copy(real_files(), "x.ckpt", (folder / "last.ckpt"));
    CHECK_FALSE(moved.is_copy);
    CHECK(folder.names() == all_names);
  }
}

TEST_CASE("a checkpoint's size is known before it is written, to the byte") {
  const auto storage = storage_of(std::vector<float>(100, 1.5f), DType::float32);
  const Value trees[] = {
      Value(Dict{}),
      Value(Dict{{"text", std::string(5000, 'x')}}),
      Folder::old_tree(),
      Value(Dict{{"tied", whole(storage, {100})}, {"again", whole(storage, {10, 10})},
                 {"empty", floats({})}, {"one", floats({1})}}),
  };
  for (const Value& tree : trees) CHECK(archive_size(tree) == archive_bytes(tree).size());
  Dict many;
  for (int i = 0; i < 300; ++i) many[std::to_string(i)] = floats(std::vector<float>(i % 40, 1));
  CHECK(archive_size(many) == archive_bytes(many).size());
  // A record behind the first 4 GiB, of which no byte is looked at.
  const auto huge = std::make_shared<const Storage>(Storage{
      .dtype = DType::uint8, .nbytes = std::size_t{5} << 30, .data = &many, .owner = nullptr});
  const Value large = Dict{{"huge", whole(huge, {std::int64_t{5} << 30})}, {"b", floats({1})}};
  CHECK(archive_size(large) > std::uint64_t{5} << 30);
  CHECK(archive_size(large) < (std::uint64_t{5} << 30) + 4096);
}
