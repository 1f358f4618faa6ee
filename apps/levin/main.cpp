#include "levin/framework/cli/cli.h"

int main(int argc, char** argv) { return levin::cli(argc, argv); }
