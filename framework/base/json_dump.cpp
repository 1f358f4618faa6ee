#include <algorithm>
#include <cmath>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_item.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  void write(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::none: out_ += "null"; return;
      case Value::Kind::boolean: out_ += value.as_bool() ? "true" : "false"; return;
      case Value::Kind::integer: out_ += std::to_string(value.as_int()); return;
      case Value::Kind::floating: number(value.as_double()); return;
      case Value::Kind::string: string(value.as_string()); return;
      case Value::Kind::tensor: tensor(value); return;
      case Value::Kind::list: case Value::Kind::tuple: array(value); return;
      case Value::Kind::dict: object(value); return;
      default: refuse(value);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  std::string place() const { return path_.empty() ? "" : " (at " + path_ + ")"; }

  [[noreturn]] void refuse(const Value& value) const {
    throw TypeError("Object of type " + value.type_name() + " is not JSON serializable" + place());
  }

  void number(double value) {
    const std::string text = python_repr(value);
    out_ += std::isfinite(value) ? text : '"' + text + '"';
  }

  void tensor(const Value& value) {
    if (value.as_tensor().numel() != 1)
      throw TypeError("Object of type Tensor is not JSON serializable" + place() +
                      ": only a tensor of one element is, as a number; this one is " + value.repr());
    write(tensor_item(value.as_tensor()));
  }

  void string(std::string_view text) {
    if (utf8::valid_prefix(text) < text.size())
      throw ValueError("the str " + python_repr(text) + " is not UTF-8" + place());
    constexpr std::string_view special = "\"\\\b\f\n\r\t", codes = "\"\\bfnrt";
    constexpr char hex[] = "0123456789abcdef";
    out_ += '"';
    for (const char c : text) {
      if (const std::size_t i = special.find(c); i != special.npos) (out_ += '\\') += codes[i];
      else if (static_cast<unsigned char>(c) < 0x20) ((out_ += "\\u00") += hex[(c >> 4) & 15]) += hex[c & 15];
      else out_ += c;
    }
    out_ += '"';
  }

  void key(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::string: string(value.as_string()); return;
      case Value::Kind::none: string("null"); return;
      case Value::Kind::boolean: string(value.as_bool() ? "true" : "false"); return;
      case Value::Kind::integer: string(std::to_string(value.as_int())); return;
      case Value::Kind::floating: string(python_repr(value.as_double())); return;
      default: throw TypeError("keys must be str, int, float, bool or None, not " + value.type_name() + place());
    }
  }

  void newline() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(open_.size() * static_cast<std::size_t>(indent_), ' ');
  }

  // The brackets, commas and line breaks around `items`; `print` writes one item, `step` names it in messages.
  template <class Items, class Step, class Print>
  void container(const Value& value, const Items& items, const char* brackets, Step&& step, Print&& print) {
    if (std::find(open_.begin(), open_.end(), value.identity()) != open_.end())
      throw ValueError("Circular reference detected" + place());
    out_ += brackets[0];
    open_.push_back(value.identity());
    const std::size_t length = path_.size();
    bool first = true;
    std::size_t i = 0;
    for (const auto& item : items) {
      if (!first) out_ += indent_ < 0 ? ", " : ",";
      first = false;
      newline();
      path_ += step(item, i++);
      print(item);
      path_.resize(length);
    }
    open_.pop_back();
    if (!first) newline();
    out_ += brackets[1];
  }

  void array(const Value& value) {
    container(value, value.items(), "[]", [](const Value&, std::size_t i) { return "[" + std::to_string(i) + "]"; },
              [&](const Value& item) { write(item); });
  }

  void object(const Value& value) {
    const auto step = [&](const Dict::Item& item, std::size_t) {
      return (path_.empty() ? "" : ".") + (item.first.is_string() ? item.first.as_string() : item.first.repr());
    };
    container(value, value.as_dict(), "{}", step, [&](const Dict::Item& item) {
      key(item.first);
      out_ += ": ";
      write(item.second);
    });
  }

  const int indent_;
  std::string out_, path_;
  std::vector<const void*> open_;
};

}  // namespace

std::string dump_json(const Value& value, int indent) {
  JsonWriter writer(indent);
  writer.write(value);
  return writer.take();
}

}  // namespace levin
