// Which processors a rank keeps to.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "levin/framework/base/distributed/processor_share.h"
#include "support/catch.h"

using levin::processor_share;
using Processors = std::vector<int>;

namespace {

// How many processors a process has after `f`; a child's, so that this one keeps its own.
template <class F>
int processors_after(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    f();
    cpu_set_t set;
    ::sched_getaffinity(0, sizeof set, &set);
    ::_exit(CPU_COUNT(&set));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("ranks share all processors out in their order") {
  const Processors all{0, 1, 2, 3, 4, 5, 6};
  CHECK(processor_share(all, 0, 2) == Processors{0, 1, 2});
  CHECK(processor_share(all, 1, 2) == Processors{3, 4, 5, 6});
  CHECK(processor_share(all, 2, 3) == Processors{4, 5, 6});
  CHECK(processor_share({2, 3}, 1, 2) == Processors{3});
  CHECK(processor_share({2, 3}, 0, 3).empty());
  CHECK(processor_share(all, 3, 3).empty());
}

TEST_CASE("a process takes its share if it is asked to, unless someone has chosen already") {
  const auto online = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const int allowed = processors_after([] {});
  const bool free = allowed == online && online >= 2;
  ::setenv("LEVIN_BIND_PROCESSORS", "1", 1);
  CHECK(processors_after([] { levin::take_processor_share(0, 2); }) == (free ? online / 2 : allowed));
  CHECK(processors_after([] { levin::take_processor_share(0, 1); }) == allowed);
  CHECK(processors_after([&] { levin::take_processor_share(0, online + 1); }) == allowed);
  CHECK(processors_after([] {
          ::unsetenv("LEVIN_BIND_PROCESSORS");
          levin::take_processor_share(0, 2);
        }) == allowed);
  CHECK(processors_after([] {
          levin::take_processor_share(1, 2);
          levin::take_processor_share(0, 2);  // of the half that is left, it would be the first
        }) == (free ? online - online / 2 : allowed));
}
