#include "levin/framework/cli/file_commands.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <unistd.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/inspect/convert.h"
#include "levin/framework/base/inspect/inspect.h"
#include "levin/framework/base/terminal.h"
#include "levin/framework/cli/cli.h"

namespace levin {
namespace {

void add_inspect(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("inspect", "Show what a checkpoint or safetensors file holds");
  const auto options = std::make_shared<InspectOptions>();
  command->add_option("FILE", options->path, "a .ckpt or .pt file of torch.save, or a .safetensors file")->required()->type_name("");
  auto* all = command->add_flag("--all", options->all, "elide nothing; show modules' _metadata too");
  CLI::Option* const instead[] = {
      all,
      command->add_option("--tensor", options->tensors, "one tensor's type, shape, statistics and values; may be given again")
          ->type_name("NAME")->take_all()->allow_extra_args(false),
      command->add_flag("--json", options->json, "the whole tree as JSON; tensors as their dtype, shape, bytes and storage"),
      command->add_flag("--verify", options->verify, "read every byte; say of each record whether its checksum is good"),
      command->add_option("--diff", options->diff, "compare with another file, key by key")->type_name("OTHER"),
  };
  for (CLI::Option* one : instead)
    for (CLI::Option* other : instead)
      if (one != other) one->excludes(other);
  command->footer(
      "A tensor's NAME is its path in the tree: state_dict.net.0.weight, optimizer_states[0].state.0.exp_avg;\n"
      "'state_dict.' may be left out. Exit code: 0; 1 for an error, with --verify for a damaged file; with --diff\n"
      "0 for equal files, 1 for different ones, 2 for an error.");
  command->callback([options, &chosen] {
    chosen = [options] {
      int result = 0;
      options->columns = terminal_columns(STDOUT_FILENO, 100);
      const int failed = run([&] { result = inspect(*options, print_line); });
      return failed == 1 && options->diff ? 2 : failed != 0 ? failed : result;
    };
  });
}

void add_convert(CLI::App& app, std::function<int()>& chosen) {
  CLI::App* command = app.add_subcommand("convert", "Convert weights from a checkpoint to safetensors, or back");
  const auto options = std::make_shared<ConvertOptions>();
  command->add_option("INPUT", options->input, "a .ckpt or .pt file of torch.save, or a .safetensors file")->required()->type_name("");
  command->add_option("OUTPUT", options->output, "the file to write: .safetensors, or from safetensors .ckpt, .pt or .pth")
      ->required()->type_name("");
  command->add_option("--key", options->key, "the part of a checkpoint to take, a dict of tensors; default state_dict")->type_name("PATH");
  command->add_flag("--force", options->force, "replace OUTPUT if it exists");
  command->footer("Optimizer states, loops and hyperparameters stay behind. Exit code: 0, or 1 for an error.");
  command->callback([options, &chosen] {
    chosen = [options] { return run([&] { print_line(convert_weights(*options)); }); };
  });
}

}  // namespace

void add_file_commands(CLI::App& app, std::function<int()>& chosen) {
  add_inspect(app, chosen);
  add_convert(app, chosen);
}

}  // namespace levin
