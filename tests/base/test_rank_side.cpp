// What a rank does for its launcher: heartbeat, error.json, stacks.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/base/launch/heartbeat.h"
#include "levin/framework/base/launch/rank_handlers.h"
#include "levin/framework/base/launch/stack_text.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;

namespace {

// Runs `body` in a child that believes it is rank 3 of a launcher; the wait status.
int as_rank(const TemporaryFolder& folder, const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TORCHELASTIC_ERROR_FILE", (folder / "error.json").c_str(), 1);
    ::setenv("LEVIN_STACK_FILE", (folder / "stack.txt").c_str(), 1);
    ::setenv("LEVIN_HEARTBEAT_FILE", (folder / "heartbeat").c_str(), 1);
    ::setenv("RANK", "3", 1);
    ::dup2(::open((folder / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    // Catch's own handlers came with the fork.
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) std::signal(signal, SIG_DFL);
    install_rank_handlers();
    body();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("a rank that crashes says the signal and the stack, and ends by that signal") {
  const struct {
    int signal;
    const char* name;
  } cases[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGFPE, "SIGFPE"}, {SIGBUS, "SIGBUS"}, {SIGILL, "SIGILL"}};
  for (const auto& c : cases) {
    INFO(c.name);
    const TemporaryFolder folder;
    const int status = as_rank(folder, [&] { ::raise(c.signal); });
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == c.signal);
    ErrorFile error;
    REQUIRE(read_error_file(folder / "error.json", error));
    CHECK(error.message.find(c.name) == 0);
    CHECK(error.stack.find("#0 ") == 0);
    CHECK(error.stack.find("(libc.so") != std::string::npos);  // where raise is
    CHECK(error.timestamp > 1'000'000'000);
    CHECK(content(folder / "stderr").find(std::string("Error: rank 3: ") + c.name) != std::string::npos);
  }
}

TEST_CASE("a stack that ran over is told of") {
  const TemporaryFolder folder;
  const int status = as_rank(folder, [] {
    const std::function<int(int)> deeper = [&](int n) {
      volatile char room[4096] = {static_cast<char>(n)};
      return deeper(n + 1) + room[0];
    };
    deeper(0);
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGSEGV);
  ErrorFile error;
  REQUIRE(read_error_file(folder / "error.json", error));
  CHECK(error.message.find("SIGSEGV") == 0);
}

TEST_CASE("an exception that nobody catches is the error, not the abort that follows") {
  const TemporaryFolder folder;
  const int status = as_rank(folder, [] { std::thread([] { throw ValueError("the \"loss\" is\nnaïve \\ \x01"); }).join(); });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  ErrorFile error;
  REQUIRE(read_error_file(folder / "error.json", error));
  CHECK(error.message == "ValueError: the \"loss\" is\nnaïve \\ \x01");
  CHECK(error.stack == error.message + "\n(rank 3)");
}

TEST_CASE("the first error of a rank wins") {
  const TemporaryFolder folder;
  as_rank(folder, [] {
    if (!write_error_file(ValueError("the cause"))) ::_exit(1);
    if (write_error_file(RuntimeError("what follows"))) ::_exit(2);
    std::abort();
  });
  ErrorFile error;
  REQUIRE(read_error_file(folder / "error.json", error));
  CHECK(error.message == "ValueError: the cause");
}

TEST_CASE("an error text that is not UTF-8 or endless still makes a file that can be read") {
  for (const std::string& text : {std::string("\xff\xfe bad"), std::string(1'000'000, 'x'), std::string(1'000'000, '\x02')}) {
    const TemporaryFolder folder;
    as_rank(folder, [&] { write_error_file(text, text); });
    ErrorFile error;
    CHECK(read_error_file(folder / "error.json", error));
    CHECK_FALSE(error.message.empty());
  }
}

TEST_CASE("torchrun's short form of an error file is read; a broken one is not") {
  const TemporaryFolder folder;
  const auto written = [&](const char* text) {
    std::ofstream(folder / "error.json") << text;
    return folder / "error.json";
  };
  ErrorFile error;
  CHECK(read_error_file(written(R"({"message": "short"})"), error));
  CHECK(error.message == "short");
  CHECK_FALSE(read_error_file(written("{\"message\": "), error));
  CHECK_FALSE(read_error_file(written("[]"), error));
  CHECK_FALSE(read_error_file(folder / "missing", error));
}

TEST_CASE("SIGUSR2 writes the stacks of all threads, and the rank goes on") {
  const TemporaryFolder folder;
  const int status = as_rank(folder, [&] {
    std::atomic<bool> end = false;
    std::thread busy([&] { while (!end) std::this_thread::yield(); });
    for (int i = 0; i < 2; ++i) ::kill(::getpid(), SIGUSR2);
    end = true;
    busy.join();
  });
  CHECK(status == 0);
  const std::string stacks = content(folder / "stack.txt");
  CHECK(stacks.find("thread ") == 0);
  CHECK(stacks.find("thread ", 1) != std::string::npos);
  CHECK(stacks.ends_with("end of stacks\n"));
}

TEST_CASE("a rank shows that it lives, that it is at work, and that it saved") {
  const TemporaryFolder folder;
  heartbeat::Page* const page = heartbeat::map(folder / "heartbeat", true);
  REQUIRE(page != nullptr);
  CHECK(page->watched == 0);
  CHECK(as_rank(folder, [&] {
          const heartbeat::Watched outer;
          {
            const heartbeat::Watched inner;
            if (page->watched != 2) ::_exit(1);
          }
          if (page->watched != 1) ::_exit(2);
          for (int i = 0; i < 5; ++i) heartbeat::beat();
          heartbeat::saved();
          ::_exit(0);
        }) == 0);
  CHECK(page->beats == 8);
  CHECK(page->saves == 1);
  CHECK(page->watched == 1);  // it left in the midst of its work
}

TEST_CASE("without a launcher a heartbeat goes nowhere; a file that is too short is left alone") {
  heartbeat::beat();
  const heartbeat::Watched watched;
  const TemporaryFolder folder;
  std::ofstream(folder / "short") << "x";
  CHECK(heartbeat::map(folder / "short") == nullptr);
  CHECK(heartbeat::map(folder / "missing") == nullptr);
}

TEST_CASE("names in a stack are those of the source") {
  CHECK(demangled("#1 _ZN5levin3runERKSt8functionIFvvEE+0x1 (liblevin.so)") ==
        "#1 levin::run(std::function<void ()> const&)+0x1 (liblevin.so)");
  CHECK(demangled("#2 main+0x2 (x) a_Z _Z") == "#2 main+0x2 (x) a_Z _Z");
}
