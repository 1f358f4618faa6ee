#include "levin/framework/base/inspect/inspect.h"

#include "levin/framework/base/inspect/tree_diff.h"
#include "levin/framework/base/inspect/tree_json.h"
#include "levin/framework/base/inspect/tree_path.h"
#include "levin/framework/base/inspect/verify.h"
#include "levin/framework/base/json.h"

namespace levin {

int inspect(const InspectOptions& options, const PrintLine& print) {
  if (options.verify) return verify_file(options.path, print) ? 0 : 1;
  const ModelFile file = open_model_file(options.path);
  if (options.diff) return diff_files(file, open_model_file(*options.diff), print) == 0 ? 0 : 1;
  if (options.json) {
    print(dump_json(json_tree(file)));
    return 0;
  }
  if (options.tensors.empty()) {
    describe_file(file, {.all = options.all, .columns = options.columns}, print);
    return 0;
  }
  for (std::size_t i = 0; i < options.tensors.size(); ++i) {
    if (i > 0) print("");
    std::string path = options.tensors[i];
    const TensorRef& tensor = tensor_at(file.root, path);
    describe_tensor(path, tensor, print);
  }
  return 0;
}

}  // namespace levin
