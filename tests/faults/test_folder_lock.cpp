#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/folder_lock.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;
using Catch::Matchers::Contains;

namespace {

// A child that does something and lives until `end`.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    int ready[2], leave[2];
    REQUIRE((::pipe(ready) == 0 && ::pipe(leave) == 0));
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    char byte = 'x';
    if (pid_ == 0) {
      ::close(ready[0]), ::close(leave[1]);
      try {
        work();
      } catch (...) {
        byte = 'e';
      }
      if (::write(ready[1], &byte, 1) != 1) ::_exit(2);
      while (::read(leave[0], &byte, 1) > 0) {
      }
      ::_exit(0);  // as after a kill: nothing is given back by hand
    }
    ::close(ready[1]), ::close(leave[0]);
    leave_ = leave[1];
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    succeeded_ = byte == 'x';
    ::close(ready[0]);
  }
  ~Child() { end(); }
  void end() {
    if (leave_ < 0) return;
    ::close(leave_);
    leave_ = -1;
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }
  bool succeeded() const { return succeeded_; }

 private:
  pid_t pid_ = -1;
  int leave_ = -1;
  bool succeeded_ = false;
};

// A child of ours would share the lock, so it asks the system.
bool another_process_can_lock(const std::string& folder) {
  const Child child([&] {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) throw OSError("taken");
  });
  return child.succeeded();
}

}  // namespace

TEST_CASE("a second process is refused and told who has the folder") {
  const TemporaryFolder folder;
  FolderLock* leaked = nullptr;  // the child holds it until it ends
  Child child([&] { leaked = new FolderLock(folder.path()); });
  REQUIRE(child.succeeded());
  CHECK_THROWS_AS(FolderLock(folder.path()), OSError);
  CHECK_THROWS_WITH(FolderLock(folder.path()),
                    Contains("folder '" + folder.path() + "' is in use by another process (pid " +
                             std::to_string(child.pid()) + ", '") &&
                        Contains(", since 20"));
  child.end();
  FolderLock lock(folder.path());
  CHECK(lock.locked());
  CHECK(lock.reason().empty());
}

TEST_CASE("the locks of one process are counted, whatever the folder is called") {
  const TemporaryFolder folder;
  FolderLock first(folder.path());
  {
    const FolderLock second(folder.path() + "/."), third = second;
    CHECK((second.locked() && third.locked()));
    first.release();
    CHECK_FALSE(first.locked());
    CHECK_FALSE(another_process_can_lock(folder.path()));
  }
  CHECK(another_process_can_lock(folder.path()));
}

TEST_CASE("a lock leaves no file behind and holds one folder only") {
  const TemporaryFolder folder, other;
  const FolderLock lock(folder.path());
  std::vector<std::string> names;
  CHECK(real_files().list(folder.path(), names) == 0);
  CHECK(names.empty());
  CHECK(another_process_can_lock(other.path()));
}

TEST_CASE("threads that lock and release one folder never refuse each other") {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  std::vector<int> refused(4);
  for (int& count : refused) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        try {
          FolderLock lock(folder.path());
          count += !lock.locked();
        } catch (const OSError&) {
          ++count;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == std::vector<int>(4));
}

TEST_CASE("a folder that is not there can't be locked, and an empty lock holds nothing") {
  CHECK_THROWS_AS(FolderLock("/tmp/levin-no-such-folder/x"), FileNotFoundError);
  CHECK_FALSE(FolderLock().locked());
}

TEST_CASE("where the folder can't be locked that is said, and no error") {
  const TemporaryFolder folder;
  const Child child([&] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return;
    if (::geteuid() != 65534) return;  // the owner may look into it
    const FolderLock lock(folder.path());
    if (lock.locked() || lock.reason() != "Permission denied") throw ValueError(lock.reason());
  });
  CHECK(child.succeeded());
}
