#include "levin/framework/base/inspect/tree_diff.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/tensor_diff.h"
#include "levin/framework/base/inspect/tree_path.h"

namespace levin {
namespace {

std::string brief(const Value& value) {
  if (value.is_tensor()) return std::string("tensor ") + dtype_name(value.as_tensor().dtype) + " " + shape_text(value.as_tensor());
  return value.repr(60);
}

bool is_container(const Value& value) {
  const auto kind = value.kind();
  return kind == Value::Kind::dict || kind == Value::Kind::list || kind == Value::Kind::tuple || kind == Value::Kind::set ||
         kind == Value::Kind::object;
}

class TreeDiff {
 public:
  explicit TreeDiff(const PrintLine& print) : print_(print) {}

  void compare(const Value& a, const Value& b, const std::string& path) {
    if (a.is_tensor() && b.is_tensor()) {
      ++tensors_compared_;
      const std::string text = tensor_difference(a.as_tensor(), b.as_tensor());
      if (!text.empty()) ++tensors_, line('~', path, text);
      return;
    }
    if (is_container(a) && a.kind() == b.kind()) return containers(a, b, path);
    ++values_compared_;
    if (a.kind() != b.kind() || !(a == b)) ++values_, line('~', path, brief(a) + " -> " + brief(b));
  }

  std::size_t finish() {
    const std::size_t total = values_ + tensors_ + here_ + there_;
    if (total == 0) {
      print_("equal: " + counted(values_compared_, "value") + " and " + counted(tensors_compared_, "tensor"));
      return 0;
    }
    std::string out;
    const auto add = [&](std::size_t n, const std::string& text) {
      if (n > 0) out += (out.empty() ? "" : ", ") + text;
    };
    add(values_, counted(values_, "value"));
    add(tensors_, counted(tensors_, "tensor"));
    add(here_, counted(here_, "key") + " only in the first file");
    add(there_, counted(there_, "key") + " only in the second file");
    print_(counted(total, "difference") + ": " + out);
    return total;
  }

 private:
  void line(char mark, const std::string& path, const std::string& text) {
    print_(harmless(std::string{mark, ' '} + (path.empty() ? "(all)" : path) + ": " + text));
  }

  void containers(const Value& a, const Value& b, const std::string& path) {
    // Shared containers are compared once, so the work is bounded by the files' sizes.
    if (!seen_.emplace(a.identity(), b.identity()).second) return;
    if (a.type_name() != b.type_name()) ++values_, line('~', path, a.type_name() + " -> " + b.type_name());
    const auto left = children_of(a), right = children_of(b);
    std::unordered_map<std::string, const Value*> there;
    for (const Child& child : right) there.emplace(child.step, child.value);
    for (const Child& child : left) {
      const std::string below = join_path(path, child.step);
      const auto found = there.find(child.step);
      if (found == there.end()) {
        ++here_, line('-', below, brief(*child.value));
        continue;
      }
      compare(*child.value, *found->second, below);
      there.erase(found);
    }
    for (const Child& child : right)
      if (there.contains(child.step)) ++there_, line('+', join_path(path, child.step), brief(*child.value));
  }

  const PrintLine& print_;
  std::set<std::pair<const void*, const void*>> seen_;
  std::size_t values_ = 0, tensors_ = 0, here_ = 0, there_ = 0, values_compared_ = 0, tensors_compared_ = 0;
};

// The weights alone: safetensors keeps neither the kind of the dict nor its attributes.
Value only_weights(const ModelFile& file) {
  const Value* weights = file.weights();
  if (!weights) throw CheckpointError("'" + file.path + "' has no state_dict that could be compared with a safetensors file");
  Value out = Value::dict();
  for (const auto& [key, value] : weights->as_dict()) out.as_dict().set(key, value);
  return out;
}

}  // namespace

std::size_t diff_files(const ModelFile& first, const ModelFile& second, const PrintLine& print) {
  print(harmless("--- " + first.path));
  print(harmless("+++ " + second.path));
  TreeDiff diff(print);
  if (first.format == second.format) diff.compare(first.root, second.root, "");
  else diff.compare(only_weights(first), only_weights(second), "");
  return diff.finish();
}

}  // namespace levin
