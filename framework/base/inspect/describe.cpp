#include "levin/framework/base/inspect/describe.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <unordered_map>

#include "levin/framework/base/display_width.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/tensor_text.h"
#include "levin/framework/base/inspect/tree_path.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

constexpr std::size_t most_named = 60, most_items = 5;  // entries shown of a dict of names, and of others
constexpr int widest_key = 48;

bool is_container(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::dict: case Value::Kind::list: case Value::Kind::tuple: case Value::Kind::set:
    case Value::Kind::object: return true;
    default: return false;
  }
}

bool has_tensor(const Value& value) {
  if (value.is_tensor()) return true;
  const auto children = children_of(value);
  return std::any_of(children.begin(), children.end(), [](const Child& c) { return has_tensor(*c.value); });
}

// What a line says of a tensor, in columns that its neighbours share.
struct TensorColumns {
  int dtype = 0, shape = 0, size = 0;
};

class TreePrinter {
 public:
  TreePrinter(const DescribeOptions& options, const PrintLine& print) : options_(options), print_(print) {}

  void children(const Value& value, const std::string& path, int indent) {
    std::vector<Child> items = children_of(value);
    // A module's `_metadata` is noise, unless it is asked for.
    if (value.is_dict() && !value.as_dict().attributes.is_none() && !options_.all) items.pop_back();
    const bool named = value.is_dict() && std::any_of(value.as_dict().begin(), value.as_dict().end(),
                                                      [](const Dict::Item& i) { return i.first.is_string(); });
    const std::size_t most = named ? most_named : most_items;
    const std::size_t shown = options_.all || items.size() <= most + 1 ? items.size() : most;
    const std::span<const Child> visible(items.data(), shown);
    int key_width = 0;
    TensorColumns columns;
    for (const Child& child : visible) {
      const int width = display_width(harmless(key(child)));
      if (width <= widest_key) key_width = std::max(key_width, width);
      if (child.value->is_tensor()) measure(child.value->as_tensor(), columns);
    }
    for (const Child& child : visible) entry(child, path, indent, key_width, columns);
    if (shown < items.size())
      line(indent, "... " + counted(items.size() - shown, value.is_dict() ? "more entry" : "more item") + " (--all shows them)");
  }

 private:
  static std::string key(const Child& child) { return child.step.substr(child.step.starts_with('.') ? 1 : 0); }

  void line(int indent, const std::string& text) {
    print_(harmless(std::string(static_cast<std::size_t>(indent), ' ') + text));
  }

  static void measure(const TensorRef& t, TensorColumns& columns) {
    const auto widen = [](int& width, const std::string& text) { width = std::max(width, static_cast<int>(text.size())); };
    widen(columns.dtype, dtype_name(t.dtype));
    widen(columns.shape, shape_text(t));
    widen(columns.size, human_bytes(tensor_bytes(t)));
  }

  void entry(const Child& child, const std::string& path, int indent, int key_width, const TensorColumns& columns) {
    const Value& value = *child.value;
    const std::string here = join_path(path, child.step);
    const std::string name = pad_to_width(harmless(key(child)), key_width) + "  ";
    if (value.is_tensor()) return line(indent, name + tensor(value.as_tensor(), here, path, columns));
    const int room = std::max(20, options_.columns - indent - display_width(name));
    if (!is_container(value)) return line(indent, name + scalar(value, room));
    if (const std::string text = one_line(value, room); !text.empty()) return line(indent, name + text);
    const auto [first, is_new] = places_.emplace(value.identity(), here);
    if (!is_new) return line(indent, name + "same object as " + first->second);
    line(indent, name + heading(value));
    children(value, here, indent + 2);
  }

  std::string scalar(const Value& value, int room) const {
    if (options_.all) return value.repr(std::size_t{1} << 20);
    const std::string text = value.repr(static_cast<std::size_t>(room));
    return display_width(text) <= room ? text : std::string(fit_to_width(text, room - 3)) + "...";
  }

  // A container as Python writes it, if that fits and holds no tensor; or "".
  std::string one_line(const Value& value, int room) const {
    const auto limit = static_cast<std::size_t>(room);
    const std::string text = value.repr(limit);
    if (text.size() <= limit && display_width(text) <= room && !has_tensor(value)) {
      const bool attributes = value.is_dict() && !value.as_dict().attributes.is_none() && options_.all;
      const bool state = value.kind() == Value::Kind::object && !value.as_object().state.is_none();
      if (attributes || state) return "";
      if (value.is_dict() && value.as_dict().type != Dict::Type::dict) return value.type_name() + "(" + text + ")";
      return value.kind() == Value::Kind::set && value.items().empty() ? "set()" : text;
    }
    if (options_.all || value.is_dict() || value.kind() == Value::Kind::object) return "";
    const List& items = value.items();
    const bool plain = std::all_of(items.begin(), items.end(), [](const Value& v) { return v.is_number() || v.is_bool(); });
    return plain && !items.empty() ? value.type_name() + ", " + counted(items.size(), "item") + ": " + value.repr(limit / 2) : "";
  }

  std::string heading(const Value& value) {
    const WeightCount count = count_below(value);
    const auto below = children_of(value);
    std::string out = value.kind() == Value::Kind::object ? "object of " + value.type_name() : value.type_name();
    const auto is_tensor = [](const Child& child) { return child.value->is_tensor(); };
    const auto direct = static_cast<std::size_t>(std::count_if(below.begin(), below.end(), is_tensor));
    if (value.kind() != Value::Kind::object && direct != value.size())
      out += ", " + counted(value.size(), value.is_dict() ? "entry" : "item");
    if (count.tensors > 0) out += ", " + counted(count.tensors, "tensor") + ", " + human_bytes(count.bytes);
    return out;
  }

  // Counts each shared container once per place that it is counted from, in linear time.
  WeightCount count_below(const Value& value) {
    if (value.is_tensor()) return {.bytes = tensor_bytes(value.as_tensor()), .tensors = 1};
    if (!is_container(value)) return {};
    if (const auto known = counts_.find(value.identity()); known != counts_.end()) return known->second;
    WeightCount sum;
    for (const Child& child : children_of(value)) {
      const WeightCount more = count_below(*child.value);
      sum.tensors += more.tensors;
      if (__builtin_add_overflow(sum.bytes, more.bytes, &sum.bytes)) sum.bytes = UINT64_MAX;
    }
    return counts_[value.identity()] = sum;
  }

  std::string tensor(const TensorRef& t, const std::string& here, const std::string& parent, const TensorColumns& columns) {
    const std::string size = human_bytes(tensor_bytes(t));
    std::string out = pad_to_width(dtype_name(t.dtype), columns.dtype) + "  " + pad_to_width(shape_text(t), columns.shape) +
                      "  " + std::string(static_cast<std::size_t>(std::max(0, columns.size - static_cast<int>(size.size()))), ' ') + size;
    if (t.sizes.empty()) {
      const std::string text = tensor_text(t);  // "tensor(9.6945)", "tensor(3., dtype=torch.float64)"
      out += "  " + text.substr(7, text.find_first_of(",)") - 7);
    }
    if (t.parameter) out += "  Parameter";
    if (t.storage && t.storage->location != "cpu") out += "  on " + t.storage->location.substr(0, 40);
    if (tensor_bytes(t) == 0 || !t.storage) return out;
    if (!t.is_contiguous()) {
      out += "  strides [";
      for (std::size_t d = 0; d < t.strides.size(); ++d) out += (d > 0 ? ", " : "") + std::to_string(t.strides[d]);
      out += "]";
    }
    return out + tie(t, here, parent);
  }

  std::string tie(const TensorRef& t, const std::string& here, const std::string& parent) {
    View view{t.storage_offset, t.sizes, t.strides};
    const auto [first, is_new] = storages_.try_emplace(t.storage.get(), Place{here, parent, view});
    if (is_new) return "";
    const Place& place = first->second;
    // Within the same container the last step says enough.
    const std::string name = !place.parent.empty() && here.starts_with(place.parent + ".")
                                 ? place.path.substr(place.parent.size() + 1) : place.path;
    return (place.view == view ? "  = " : "  shares storage with ") + name;
  }

  using View = std::tuple<std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>;
  struct Place {
    std::string path, parent;
    View view;
  };
  const DescribeOptions& options_;
  const PrintLine& print_;
  std::unordered_map<const void*, std::string> places_;  // containers that were printed
  std::unordered_map<const void*, Place> storages_;      // where a storage was met first
  std::unordered_map<const void*, WeightCount> counts_;
};

// "levin 0.1.0", "Lightning 2.6.6"; "" if the file does not say.
std::string writer_of(const Value& root) {
  const Value* lightning = root.find("pytorch-lightning_version");
  const std::string version = lightning && lightning->is_string() ? lightning->as_string().substr(0, 60) : "";
  const Value* levin = root.find("levin");
  const Value* own = levin ? levin->find("version") : nullptr;
  if (own && own->is_string())
    return "levin " + own->as_string().substr(0, 60) + (version.empty() ? "" : ", in the format of Lightning " + version);
  return version.empty() ? "" : "Lightning " + version;
}

}  // namespace

void describe_file(const ModelFile& file, const DescribeOptions& options, const PrintLine& print) {
  const bool checkpoint = file.format == ModelFile::Format::checkpoint;
  print(harmless(file.path + ": " + human_bytes(file.bytes) + ", " +
                 (checkpoint ? "checkpoint of torch.save, " + counted(file.records, "record") : "safetensors")));
  const auto fact = [&](const char* name, const std::string& text) {
    if (!text.empty()) print(harmless(pad_to_width(name, 13) + text));
  };
  if (checkpoint) {
    fact("written by", writer_of(file.root));
    for (const char* name : {"epoch", "global_step"})
      if (const Value* value = file.root.find(name)) fact(name, value->repr(40));
  } else if (file.metadata.size() > 0) {
    fact("metadata", file.metadata.repr(options.all ? std::size_t{1} << 20 : static_cast<std::size_t>(options.columns)));
  }
  if (const Value* weights = file.weights()) {
    const WeightCount count = count_weights(*weights);
    fact("parameters", with_commas(count.elements) + " in " + counted(count.tensors, "tensor") + ", " + human_bytes(count.bytes));
  }
  print("");
  if (is_container(file.root)) TreePrinter(options, print).children(file.root, "", 0);
  else print(harmless(file.root.repr()));
}

void describe_tensor(const std::string& path, const TensorRef& tensor, const PrintLine& print) {
  const std::uint64_t bytes = tensor_bytes(tensor);
  print(harmless(path + ": " + dtype_name(tensor.dtype) + " " + shape_text(tensor) + ", " +
                 counted(bytes / itemsize(tensor.dtype), "element") + ", " + human_bytes(bytes)));
  try {
    const TensorStatistics s = tensor_statistics(tensor);
    const auto number = [](double value) { return python_format(value, ".6g"); };
    if (!s.min.empty())
      print("min " + s.min + ", max " + s.max + ", mean " + number(s.mean) + ", std " + number(s.standard_deviation));
    print(with_commas(static_cast<std::uint64_t>(s.nans)) + " nan, " + with_commas(static_cast<std::uint64_t>(s.infinities)) +
          " inf, " + with_commas(static_cast<std::uint64_t>(s.zeros)) + " zero");
    print(tensor_text(tensor));
  } catch (const ValueError& error) {
    print(error.what());
  }
}

}  // namespace levin
