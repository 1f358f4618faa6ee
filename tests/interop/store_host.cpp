// A store of ours for test_store.py: prints its port; a line on stdin makes it forget what ranks wrote, the end of stdin ends it.
#include <cstdio>
#include <iostream>
#include <string>

#include "levin/framework/base/launch/store_server.h"

int main() {
  levin::store::Server server;
  std::printf("%d\n", server.port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    server.forget_ranks();
    std::printf("forgotten\n");
    std::fflush(stdout);
  }
}
