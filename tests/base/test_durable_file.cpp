#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "codec_support.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/forwarding_files.h"
#include "support/temporary_folder.h"

using namespace levin;
using namespace levin::test;
using Catch::Matchers::Contains;

namespace {

// Writes down every call, and lets the call of a given number fail, or be cut short.
class FaultyFiles final : public ForwardingFiles {
 public:
  int fail_at = -1;  // counts from 0
  int error = EIO;
  std::size_t longest_write = SIZE_MAX;
  bool interrupt = false;  // every other write is interrupted
  std::vector<std::string> calls;

  int open_exclusive(const std::string& path, unsigned mode) override {
    return fails("open") ? -error : real_files().open_exclusive(path, mode);
  }
  std::int64_t write(int fd, const void* data, std::size_t size) override {
    if (interrupt && (odd_ = !odd_)) return -EINTR;
    return fails("write") ? -error : real_files().write(fd, data, std::min(size, longest_write));
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override {
    return fails("read") ? -error : real_files().read(fd, data, size, offset);
  }
  void start_writing_back(int, std::int64_t, std::int64_t) override {}
  int fsync(int fd) override { return fails("fsync") ? -error : real_files().fsync(fd); }
  int close(int fd) override {
    const int result = real_files().close(fd);  // a failing close closes all the same
    return fails("close") ? -error : result;
  }
  int rename(const std::string& from, const std::string& to) override {
    return fails("rename") ? -error : real_files().rename(from, to);
  }
  int fsync_directory(const std::string& folder) override {
    return fails("fsync folder") ? -error : real_files().fsync_directory(folder);
  }
  int symlink(const std::string& target, const std::string& path) override {
    return fails("symlink") ? -error : real_files().symlink(target, path);
  }
  std::int64_t free_space(const std::string&) override { return 1000; }

 private:
  bool fails(const char* call) {
    calls.push_back(call);
    return static_cast<int>(calls.size()) - 1 == fail_at;
  }
  bool odd_ = false;
};

void save(Files& files, const std::string& path, const std::string& text) {
  write_durably(files, path, [&](ByteSink& sink) { sink.write(text); });
}

Value tree() {
  return Dict{
      {"a", floats(std::vector<float>(700'000, 1.5f))}, {"b", floats({1, 2, 3})}, {"c", "text"}};
}

}  // namespace

TEST_CASE("a saved file is complete, and a checkpoint can be read back from it") {
  const TemporaryFolder folder;
  const std::string path = (folder / "x.ckpt");
  CHECK(write_durably(real_files(), path, [](ByteSink& sink) { write_archive(tree(), sink); }));
  CHECK(contents_of(path) == archive_bytes(tree()));
  CHECK(read_archive(path) == tree());
  CHECK(folder.names() == std::vector<std::string>{"x.ckpt"});
}

TEST_CASE("a save syncs the file, closes, renames and syncs the folder, in this order") {
  const TemporaryFolder folder;
  FaultyFiles files;
  save(files, (folder / "x"), "new");
  CHECK(files.calls ==
        std::vector<std::string>{"open", "write", "fsync", "close", "rename", "fsync folder"});
}

TEST_CASE(
    "whatever call fails, the old file is untouched or the new one complete, and nothing else is "
    "left") {
  const std::string fresh = archive_bytes(tree());
  for (const int error : {ENOSPC, EIO, EDQUOT, EROFS, EXDEV}) {
    int saved = 0;
    for (int call = 0; saved == 0; ++call) {
      const TemporaryFolder folder;
      const std::string path = (folder / "x.ckpt");
      save(real_files(), path, "old");
      FaultyFiles files;
      files.fail_at = call, files.error = error;
      bool failed = false;
      try {
        write_durably(files, path, [](ByteSink& sink) { write_archive(tree(), sink); });
      } catch (const OSError& e) {
        failed = true;
        CHECK_THAT(e.what(), Contains("[Errno " + std::to_string(error) + "] ") &&
                                 Contains("'" + path + "'"));
      }
      INFO("call " << call << " of " << files.calls.size());
      const bool happened = call < static_cast<int>(files.calls.size());
      CHECK(failed == happened);
      const bool renamed =
          !happened || files.calls[static_cast<std::size_t>(call)] == "fsync folder";
      CHECK(contents_of(path) == (renamed ? fresh : "old"));
      CHECK(folder.names() == std::vector<std::string>{"x.ckpt"});
      if (!happened) saved = call;
    }
    CHECK(saved >= 7);  // open, several writes, fsync, close, rename, fsync folder
  }
}

TEST_CASE("an error says what the system says") {
  const TemporaryFolder folder;
  FaultyFiles files;
  files.fail_at = 1, files.error = ENOSPC;
  CHECK_THROWS_WITH(save(files, (folder / "x"), "new"),
                    "[Errno 28] No space left on device: '" + (folder / "x") + "'");
  CHECK_THROWS_AS(save(real_files(), (folder / "none/x"), "new"), FileNotFoundError);
}

TEST_CASE("a file that does not read as it was written does not get its name") {
  class Rotten final : public ForwardingFiles {
   public:
    std::size_t bad_byte = 0;
    bool ends_early = false;
    std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override {
      const std::int64_t got = ForwardingFiles::read(fd, data, std::min<std::size_t>(size, 1000), offset);
      const std::int64_t place = static_cast<std::int64_t>(bad_byte) - offset;
      if (place < 0 || place >= got) return got;
      if (ends_early) return place;
      static_cast<char*>(data)[place] ^= 1;
      return got;
    }
  };
  const std::string text = archive_bytes(tree());
  for (const std::size_t bad_byte : {std::size_t{0}, std::size_t{999}, text.size() / 2, text.size() - 1}) {
    for (const bool ends_early : {false, true}) {
      const TemporaryFolder folder;
      save(real_files(), folder / "x.ckpt", "old");
      Rotten files;
      files.bad_byte = bad_byte, files.ends_early = ends_early;
      CHECK_THROWS_WITH(save_archive(tree(), folder / "x.ckpt", files),
                        "'" + (folder / "x.ckpt") + "' was not saved: the file does not read as it was written; the disk or the memory is faulty");
      CHECK(contents_of(folder / "x.ckpt") == "old");
      CHECK(folder.names() == std::vector<std::string>{"x.ckpt"});
    }
  }
}

TEST_CASE("a save that can't fit fails before it begins") {
  const TemporaryFolder folder;
  FaultyFiles files;  // has 1000 bytes
  CHECK_THROWS_WITH(write_durably(
                        files, (folder / "x"), [](ByteSink&) {}, {.expected_bytes = 1001}),
                    Contains("No space left"));
  CHECK(files.calls.empty());
  CHECK_NOTHROW(write_durably(
      files, (folder / "x"), [](ByteSink&) {}, {.expected_bytes = 1000}));
}

TEST_CASE("short and interrupted writes are gone on with") {
  const TemporaryFolder folder;
  for (const std::size_t longest : {std::size_t{1000}, SIZE_MAX}) {
    FaultyFiles files;
    files.longest_write = longest, files.interrupt = true;
    write_durably(files, (folder / "x"), [](ByteSink& sink) { write_archive(tree(), sink); });
    CHECK(contents_of((folder / "x")) == archive_bytes(tree()));
  }
}

TEST_CASE("an error of whoever makes the content passes through and leaves nothing behind") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(write_durably(real_files(), (folder / "x"),
                                [](ByteSink& sink) {
                                  sink.write(std::string(3'000'000, 'x'));
                                  throw ValueError("no more");
                                }),
                  ValueError);
  CHECK(folder.names().empty());
}

TEST_CASE("where a folder can't be synced the file is saved all the same") {
  for (const int error : {EINVAL, ENOTSUP, EPERM, EACCES}) {
    const TemporaryFolder folder;
    FaultyFiles files;
    files.fail_at = 5, files.error = error;
    CHECK_FALSE(write_durably(files, (folder / "x"), [](ByteSink& sink) { sink.write("new"); }));
    CHECK(contents_of((folder / "x")) == "new");
  }
}

TEST_CASE("a symbolic link is replaced without a moment in which it is missing") {
  const TemporaryFolder folder;
  const std::string link = (folder / "last.ckpt");
  auto target = [&] {
    char text[64] = {};
    return ::readlink(link.c_str(), text, sizeof text - 1) < 0 ? std::string("no link")
                                                               : std::string(text);
  };
  for (const char* name : {"a.ckpt", "b.ckpt"}) {
    replace_symlink(real_files(), name, link);
    CHECK(target() == name);
  }
  for (const int call : {0, 1}) {
    FaultyFiles files;
    files.fail_at = call;
    CHECK_THROWS_AS(replace_symlink(files, "c.ckpt", link), OSError);
    CHECK(target() == "b.ckpt");
  }
  CHECK(folder.names() == std::vector<std::string>{"last.ckpt"});
  save(real_files(), link, "a file of its own");
  CHECK(target() == "no link");
}

TEST_CASE("temporaries of processes that are gone are removed, all other files stay") {
  const TemporaryFolder folder;
  // A child that is killed in the middle of a save leaves its temporary file behind.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    write_durably(real_files(), (folder / "x.ckpt"), [](ByteSink&) { ::_exit(0); });
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const std::vector<std::string> left = folder.names();
  REQUIRE(left.size() == 1);
  CHECK_THAT(left[0], Catch::Matchers::StartsWith(".x.ckpt."));

  std::string other_machine = left[0];
  other_machine[8] = other_machine[8] == '0' ? '1' : '0';
  const std::string decoys[] = {
      "x.ckpt",          ".x.ckpt.tmp",    ".x.tmp",      "x.ckpt.tmp",
      left[0].substr(1), left[0] + ".tmp", other_machine, left[0].substr(0, left[0].size() - 4)};
  for (const std::string& decoy : decoys) save(real_files(), (folder / decoy), "keep");

  write_durably(real_files(), (folder / "y"), [&](ByteSink&) {
    CHECK(remove_stale_temporaries(real_files(), folder.path()) ==
          1);  // not the one that is being written
    CHECK(folder.names().size() == std::size(decoys) + 1);
  });
  for (const std::string& decoy : decoys) CHECK(contents_of((folder / decoy)) == "keep");
  CHECK(remove_stale_temporaries(real_files(), (folder / "missing")) == 0);
}

TEST_CASE("the longest name that a file may have can be saved") {
  const TemporaryFolder folder;
  save(real_files(), (folder / std::string(255, 'n')), "x");
  CHECK(folder.names() == std::vector<std::string>{std::string(255, 'n')});
}

TEST_CASE("folders are made with their parents, and existing ones are no error") {
  const TemporaryFolder folder;
  CHECK(real_files().make_directories((folder / "a/b")) == 0);
  CHECK(real_files().make_directories((folder / "a/b/")) == 0);
  CHECK(real_files().exists((folder / "a/b")) == 1);
  save(real_files(), (folder / "f"), "x");
  CHECK(real_files().make_directories((folder / "f/g")) == -ENOTDIR);
  CHECK(real_files().exists((folder / "f/g")) == 0);
  CHECK(real_files().free_space(folder.path()) > 0);
  ::rmdir((folder / "a/b").c_str());
  ::rmdir((folder / "a").c_str());
  CHECK(folder_of("a/b/c") == "a/b");
  CHECK(folder_of("c") == ".");
  CHECK(folder_of("/c") == "/");
}
