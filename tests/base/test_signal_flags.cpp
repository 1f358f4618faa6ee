#include "levin/framework/base/signal_flags.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "levin/framework/base/clock.h"
#include "support/catch.h"

using namespace levin;

namespace {

// What becomes of a process that handles signals and does `body`.
int status_of(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const signals::HandlerScope scope;
    body();
    ::_exit(signals::terminated() ? 7 : 8);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

void let_half_a_second_pass() {
  for (const double end = real_clock().now() + 0.5; real_clock().now() < end;) {
  }
}

}  // namespace

TEST_CASE("a SIGTERM that is told twice at once is one wish: the process ends in its own time") {
  const int status = status_of([] {
    ::raise(SIGTERM);
    ::raise(SIGTERM);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("a later second SIGTERM ends the process at once") {
  const int status = status_of([] {
    ::raise(SIGTERM);
    let_half_a_second_pass();
    ::raise(SIGTERM);
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}
