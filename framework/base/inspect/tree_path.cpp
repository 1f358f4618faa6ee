#include "levin/framework/base/inspect/tree_path.h"

#include <unordered_set>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

constexpr std::size_t longest_step = 1000;  // a hostile file can share one long key many times

std::string key_text(const Value& key) {
  std::string text = key.is_string() ? key.as_string() : key.repr();
  if (text.size() > longest_step) text = text.substr(0, longest_step) + "...";
  return text;
}

// How much of `rest` the step takes; npos if it does not fit.
std::size_t matched(std::string_view step, std::string_view rest) {
  std::size_t length = step.size();
  if (step.starts_with('[') && rest.starts_with('.')) {  // ".0" for "[0]"
    step = step.substr(1, step.size() - 2);
    rest.remove_prefix(1);
    length = step.size() + 1;
  }
  if (!rest.starts_with(step)) return std::string_view::npos;
  rest.remove_prefix(step.size());
  return rest.empty() || rest[0] == '.' || rest[0] == '[' ? length : std::string_view::npos;
}

// A key may hold dots, so the first that fits need not be the right one.
const Value* follow(const Value& value, std::string_view rest) {
  if (rest.empty()) return &value;
  for (const Child& child : children_of(value)) {
    const std::size_t length = matched(child.step, rest);
    if (length == std::string_view::npos) continue;
    if (const Value* found = follow(*child.value, rest.substr(length))) return found;
  }
  return nullptr;
}

using TensorVisitor = std::function<void(const std::string&, const TensorRef&)>;

void visit(const Value& value, const std::string& path, std::unordered_set<const void*>& seen, const TensorVisitor& f) {
  if (value.is_tensor()) return f(path, value.as_tensor());
  const auto children = children_of(value);
  if (children.empty() || !seen.insert(value.identity()).second) return;
  for (const Child& child : children) visit(*child.value, join_path(path, child.step), seen, f);
}

std::vector<std::string> tensor_paths(const Value& root) {
  std::vector<std::string> out;
  for_each_tensor(root, [&](const std::string& path, const TensorRef&) { out.push_back(path); });
  return out;
}

// Names that end as the given one does, or else the nearest in spelling.
std::string suggestion(const Value& root, const std::string& given) {
  const auto known = tensor_paths(root);
  if (known.empty()) return "; the file has no tensors";
  std::string near = nearest_name(given, known);
  if (near.empty()) near = nearest_name("state_dict." + given, known);
  for (const std::string& path : known)
    if (near.empty() && path.ends_with("." + given)) near = path;
  if (!near.empty()) return "; did you mean " + python_repr(near) + "?";
  std::string out = "; tensors are:";
  for (std::size_t i = 0; i < known.size() && i < 10; ++i) out += " " + known[i];
  return out + (known.size() > 10 ? " and " + std::to_string(known.size() - 10) + " more" : "");
}

}  // namespace

std::vector<Child> children_of(const Value& value) {
  std::vector<Child> out;
  switch (value.kind()) {
    case Value::Kind::dict:
      for (const auto& [key, item] : value.as_dict()) out.push_back({"." + key_text(key), &item});
      if (!value.as_dict().attributes.is_none()) out.push_back({".__dict__", &value.as_dict().attributes});
      break;
    case Value::Kind::list: case Value::Kind::tuple: case Value::Kind::set:
      for (const Value& item : value.items()) out.push_back({"[" + std::to_string(out.size()) + "]", &item});
      break;
    case Value::Kind::object:
      if (value.as_object().args.size() > 0) out.push_back({".args", &value.as_object().args});
      if (!value.as_object().state.is_none()) out.push_back({".state", &value.as_object().state});
      break;
    default: break;
  }
  return out;
}

std::string join_path(const std::string& path, const std::string& step) {
  return path.empty() && step.starts_with('.') ? step.substr(1) : path + step;
}

const Value* find_path(const Value& root, std::string_view path) {
  if (path.empty() || path[0] == '[') return follow(root, path);
  return follow(root, "." + std::string(path));
}

void for_each_tensor(const Value& root, const TensorVisitor& f) {
  std::unordered_set<const void*> seen;
  visit(root, "", seen, f);
}

const TensorRef& tensor_at(const Value& root, std::string& path) {
  const Value* found = find_path(root, path);
  if (!found && find_path(root, "state_dict." + path)) {
    path = "state_dict." + path;
    found = find_path(root, path);
  }
  if (!found) throw KeyError("there is no " + python_repr(path) + suggestion(root, path));
  if (!found->is_tensor())
    throw TypeError(python_repr(path) + " is no tensor but of type " + found->type_name() + ": " + found->repr(100));
  return found->as_tensor();
}

}  // namespace levin
