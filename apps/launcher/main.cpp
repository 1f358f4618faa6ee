// levin-run: starts the ranks of a training, on one machine or several. See docs/launcher.md.
#include <sys/prctl.h>

#include <cstdio>

#include "levin/apps/launcher/command.h"
#include "levin/apps/launcher/environment.h"
#include "levin/apps/launcher/supervisor.h"

int main(int argc, char** argv) {
  using namespace levin::launcher;
  int exit_code = 0;
  const auto options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  try {
    const auto command = command_line(*options);
    limit_threads(*options);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Guardian guardian;                                 // forks, so before any thread
    SignalQueue signals(options->signals_to_handle);   // likewise
    const auto rendezvous = make_rendezvous(*options);
    return Supervisor(*options, command, guardian, signals, *rendezvous).run();
  } catch (const CannotRun& error) {
    std::fprintf(stderr, "levin-run: %s\n", error.message.c_str());
    return error.exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "levin-run: %s\n", error.what());
    return 1;
  }
}
