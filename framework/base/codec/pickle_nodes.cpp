#include <unordered_map>

#include "levin/framework/base/codec/pickle_state.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

// The containers directly inside a node.
template <class F>
void for_each_child(const Value& node, F&& f) {
  switch (node.kind()) {
    case Value::Kind::list:
    case Value::Kind::tuple:
    case Value::Kind::set:
      for (const Value& item : node.items()) f(item);
      break;
    case Value::Kind::dict:
      for (const auto& [key, value] : node.as_dict()) f(key), f(value);
      f(node.as_dict().attributes);
      break;
    case Value::Kind::object:
      f(node.as_object().callable), f(node.as_object().args), f(node.as_object().state);
      break;
    case Value::Kind::tensor:
      if (const auto& python = node.as_tensor().python) f(python->callable), f(python->state);
      break;
    default: break;
  }
}

bool is_container(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::list:
    case Value::Kind::tuple:
    case Value::Kind::set:
    case Value::Kind::dict:
    case Value::Kind::object: return true;
    case Value::Kind::tensor: return value.as_tensor().python != nullptr;
    default: return false;
  }
}

void empty(Value& node) {
  if (node.is_dict())
    node.as_dict() = Dict();
  else if (node.kind() == Value::Kind::object)
    node.as_object() = Object();
  else
    node.items().clear();
}

// Visits each container once, children first, with a stack of its own: nesting can't exhaust the
// thread's.
class TreeCheck {
 public:
  explicit TreeCheck(std::size_t depth) : depth_(depth) {}

  void run(const Value& root) {
    if (!is_container(root)) return;
    open(root);
    while (!path_.empty()) {
      Frame& frame = path_.back();
      if (frame.next < frame.children.size()) {
        enter(*frame.children[frame.next++]);
      } else {
        close();
      }
    }
  }
  bool reached(const Value& node) const { return nodes_.count(node.identity()) > 0; }

 private:
  struct Node {
    std::size_t height = 0;  // 0 while it is on the path
    std::size_t size = 1;    // nodes below, each counted as often as a visitor would meet it
  };
  struct Frame {
    const Value* value;
    std::vector<const Value*> children;
    std::size_t next = 0, height = 1, size = 1;
  };

  void open(const Value& value) {
    if (path_.size() >= depth_) too_deep();
    nodes_.emplace(value.identity(), Node());
    Frame frame{&value, {}};
    for_each_child(value, [&](const Value& child) {
      ++frame.size;
      if (is_container(child)) frame.children.push_back(&child);
    });
    plain_ += frame.size;
    path_.push_back(std::move(frame));
  }
  void enter(const Value& child) {
    const auto seen = nodes_.find(child.identity());
    if (seen == nodes_.end()) return open(child);
    if (seen->second.height == 0) malformed("a container contains itself");
    count(path_.back(), seen->second);
  }
  void close() {
    const Frame frame = std::move(path_.back());
    path_.pop_back();
    const Node done{frame.height, frame.size};
    nodes_[frame.value->identity()] = done;
    if (!path_.empty()) count(path_.back(), done);
  }
  void count(Frame& frame, const Node& child) {
    frame.height = std::max(frame.height, child.height + 1);
    frame.size += child.size;
    if (frame.height + path_.size() > depth_ + 1) too_deep();
    // Lists that hold the same list twice, many times over, would keep every visitor busy for ever.
    if (frame.size > 1'000'000 + 32 * plain_)
      malformed("its containers share each other without end");
  }
  [[noreturn]] void too_deep() const {
    malformed("it is nested deeper than " + std::to_string(depth_) + " levels");
  }

  std::size_t depth_, plain_ = 0;
  std::unordered_map<const void*, Node> nodes_;
  std::vector<Frame> path_;
};

}  // namespace

void malformed(const std::string& what) { throw CheckpointError(what); }

NodeKeeper::~NodeKeeper() {
  for (Value& node : nodes_) empty(node);
}

const Value& NodeKeeper::keep(Value node) {
  nodes_.push_back(std::move(node));
  return nodes_.back();
}

Value NodeKeeper::release(Value root, std::size_t depth) {
  TreeCheck check(depth);
  check.run(root);
  for (Value& node : nodes_) {
    if (!check.reached(node)) empty(node);
  }
  nodes_.clear();
  return root;
}

}  // namespace levin
