// `levin inspect` and `levin convert` as a user runs them: what they print, exit codes, and that --help is true.
#include <string>
#include <vector>

#include "support/run_program.h"
#include "support/temporary_folder.h"

namespace {

Ran levin_program(const std::string& arguments) { return run_program(std::string(LEVIN_BINARY_DIR) + "/bin/levin " + arguments); }

const std::string fixtures = std::string(LEVIN_SOURCE_DIR) + "/tests/data/fixtures/";

}  // namespace

TEST_CASE("levin inspect and convert print, and exit with what --help says") {
  const TemporaryFolder scratch;
  const std::string& folder = scratch.path();
  const std::string adam = fixtures + "adam.ckpt", bf16 = fixtures + "bf16.ckpt", out = folder + "/w.safetensors";
  struct Row { std::string arguments; int exit_code; std::vector<const char*> parts; };
  const Row rows[] = {
      {"--help", 0, {"inspect", "convert"}},
      {"inspect --help", 0, {"--tensor NAME", "--json", "--verify", "--diff OTHER", "--all"}},
      {"convert --help", 0, {"--key PATH", "--force", "INPUT", "OUTPUT"}},
      {"inspect " + adam, 0, {"written by   Lightning 2.6.6\n", "parameters   97 in 4 tensors, 388 B\n"}},
      {"inspect --tensor net.0.weight --tensor net.2.bias " + adam, 0, {"tensor([[", "state_dict.net.2.bias: float32 [1]"}},
      {"inspect " + adam + " --tensor net.0.wait", 1, {"Error: there is no 'net.0.wait'; did you mean 'state_dict.net.0.weight'?\n"}},
      {"inspect --json " + adam, 0, {"\"parameters\": 97", "\"type\": \"tensor\""}},
      {"inspect --verify " + adam, 0, {"the file is good\n"}},
      {"inspect --diff " + adam + " " + adam, 0, {"\nequal: "}},
      {"inspect --diff " + bf16 + " " + adam, 1, {"\n~ state_dict.net.0.weight: float32 [8, 10] -> bfloat16 [8, 10], "}},
      {"inspect --diff " + folder + "/none " + adam, 2, {"No such file or directory"}},
      {"inspect --json --verify " + adam, 1, {"excludes"}},
      {"inspect", 1, {"FILE is required"}},
      {"inspect " + folder + "/none", 1, {"Error: [Errno 2] No such file or directory"}},
      {"convert " + adam + " " + out, 0, {"wrote ", "w.safetensors: 4 tensors, 388 B\n"}},
      {"convert " + adam + " " + out, 1, {"exists; --force replaces it\n"}},
      {"convert --force --key optimizer_states[0].state.0 " + adam + " " + out, 0, {"3 tensors, 644 B\n"}},
      {"inspect --verify " + out, 0, {"safetensors files have no checksums"}},
      {"convert " + out + " " + folder + "/w.ckpt", 0, {"3 tensors"}},
      {"inspect " + folder + "/w.ckpt", 0, {"global_step  0\n", "  exp_avg_sq  float32  [8, 10]"}},
  };
  for (const Row& row : rows) {
    INFO(row.arguments);
    const Ran ran = levin_program(row.arguments);
    INFO(ran.output);
    CHECK(ran.exit_code == row.exit_code);
    for (const char* part : row.parts) CHECK_THAT(ran.output, Catch::Matchers::Contains(part));
  }
}
