#include "levin/framework/base/codec/pickle_reader.h"

#include <bit>

#include "levin/framework/base/codec/globals.h"
#include "levin/framework/base/codec/little_endian.h"
#include "levin/framework/base/codec/pickle_state.h"
#include "levin/framework/base/codec/utf8.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

// What a value costs on the heap, roughly: the value itself in two places, a container's shared
// part, a string's.
constexpr std::size_t value_cost = 2 * sizeof(Value), container_cost = 160, string_cost = 64;

class PickleMachine {
 public:
  PickleMachine(std::string_view pickle, const FindStorage& find_storage,
                const PickleOptions& options)
      : pickle_(pickle),
        options_(options),
        heap_(options.limits),
        reducer_(heap_, keeper_, find_storage) {}

  Value run() {
    try {
      if (pickle_.size() < 2 || pickle_[0] != '\x80')
        malformed("it does not begin as a pickle of protocol 2 or later");
      while (step()) {
      }
      if (marks_.size() != 0 || stack_.size() != 1)
        malformed("the pickle stops with values left over");
      if (at_ != pickle_.size()) malformed("there are bytes behind the end of the pickle");
      return keeper_.release(std::move(stack_.back()), options_.limits.depth);
    } catch (const CheckpointError& e) {
      throw CheckpointError("at byte " + std::to_string(opcode_at_) + ": " + e.what());
    }
  }

 private:
  // Bytes of the pickle, checked before they are taken.
  std::string_view take(std::uint64_t size) {
    if (size > pickle_.size() - at_) malformed("the pickle ends in the middle");
    const std::string_view bytes = pickle_.substr(at_, size);
    at_ += size;
    return bytes;
  }
  template <class T>
  T number() {
    return load_le<T>(take(sizeof(T)));
  }
  std::string_view line() {
    const std::size_t end = pickle_.substr(at_, 1024).find('\n');
    if (end == std::string_view::npos) malformed("a name does not end");
    const std::string_view text = take(end);
    take(1);
    return text;
  }

  // The stack. Nothing may be taken from below the last mark.
  void push(Value value) {
    heap_.charge(value_cost);
    stack_.push_back(std::move(value));
  }
  void push_container(Value value) {
    heap_.charge(container_cost);
    push(keeper_.keep(std::move(value)));
  }
  void push_string(std::string_view text) {
    if (!is_python_utf8(text)) malformed("a string is not UTF-8");
    heap_.charge(string_cost + text.size());
    push(Value(text));
  }
  void push_bytes(std::string_view raw, Value (*make)(std::string)) {
    heap_.charge(string_cost + raw.size());
    push(make(std::string(raw)));
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Value pop() {
    if (stack_.size() <= floor()) malformed("it takes more values than there are");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  Value& top() {
    if (stack_.size() <= floor()) malformed("it takes more values than there are");
    return stack_.back();
  }
  List pop_to_mark() {
    if (marks_.empty()) malformed("there is no mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    List items(std::make_move_iterator(begin), std::make_move_iterator(stack_.end()));
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  List pop_some(std::size_t count) {
    List items(count);
    while (count-- > 0) items[count] = pop();
    return items;
  }

  void get(std::size_t index) {
    if (index >= memo_.size()) malformed("memo entry " + std::to_string(index) + " does not exist");
    push(memo_[index]);
  }
  // Python numbers its entries from 0 without gaps, so a large number is an attempt to make the
  // memo large.
  void put(std::size_t index) {
    if (index > memo_.size())
      malformed("memo entry " + std::to_string(index) + " comes before those below it");
    heap_.charge(value_cost);
    if (index == memo_.size())
      memo_.push_back(top());
    else
      memo_[index] = top();
  }

  void push_long(std::uint64_t size) {
    const std::string_view raw = take(size);
    if (size > 8) return push_bytes(raw, Value::big_integer);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value |= std::uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
    if (size > 0 && size < 8 && (raw[size - 1] & 0x80)) value |= ~std::uint64_t{0} << (8 * size);
    push(static_cast<std::int64_t>(value));
  }
  void push_global(std::string_view module, std::string_view name) {
    if (module.empty() || name.empty() || module.size() > 1024 || name.size() > 1024)
      malformed("a class has no proper name");
    if (!is_python_utf8(module) || !is_python_utf8(name)) malformed("a class's name is not UTF-8");
    Global global = modern_name(module, name);
    if (options_.strict && !is_safe_global(global)) {
      malformed("the class " + global.module + "." + global.name +
                " is not among those that strict reading accepts");
    }
    heap_.charge(container_cost + module.size() + name.size());
    push(Value(std::move(global)));
  }
  void stack_global() {
    const Value name = pop(), module = pop();
    if (!name.is_string() || !module.is_string()) malformed("a class has no proper name");
    push_global(module.as_string(), name.as_string());
  }
  void reduce(bool is_new, bool keywords = false) {
    const Value kwargs = keywords ? pop() : Value();
    const Value args = pop(), callable = pop();
    if (!args.is_tuple()) malformed("the arguments of a call are no tuple");
    if (keywords && !(kwargs.is_dict() && kwargs.as_dict().empty())) {
      List both = args.items();
      both.push_back(kwargs);
      heap_.charge(container_cost + both.size() * sizeof(Value));
      return push(reducer_.reduce(callable, keeper_.keep(Value::tuple(std::move(both))), is_new));
    }
    heap_.charge(container_cost);
    push(reducer_.reduce(callable, args, is_new));
  }

  void append_all(List items) {
    for (Value& item : items) reducer_.append(top(), std::move(item));
  }
  void add_all(const List& items) {
    if (top().kind() != Value::Kind::set) malformed("items are added to what is no set");
    for (const Value& item : items) reducer_.set_add(top(), item);
  }
  void set_all(List items) {
    if (items.size() % 2 != 0) malformed("a dict has a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2)
      reducer_.set_item(top(), items[i], std::move(items[i + 1]));
  }
  void make_dict() {
    List items = pop_to_mark();
    push_container(Value::dict());
    set_all(std::move(items));
  }
  void make_frozenset() {
    List items = pop_to_mark();
    push_container(Value::list(std::move(items)));
    List args;
    args.push_back(pop());
    const Value tuple = keeper_.keep(Value::tuple(std::move(args)));
    heap_.charge(2 * container_cost);
    push(reducer_.reduce(Global{"builtins", "frozenset"}, tuple, false));
  }

  bool step() {
    opcode_at_ = at_;
    const char opcode = take(1)[0];
    return opcode == '.'
               ? false
               : (scalar(opcode) || container(opcode) || machine(opcode) || unknown(opcode));
  }
  bool scalar(char opcode);
  bool container(char opcode);
  bool machine(char opcode);
  [[noreturn]] bool unknown(char opcode) const {
    malformed("opcode " + std::to_string(static_cast<unsigned char>(opcode)) +
              " does not belong in a checkpoint");
  }

  std::string_view pickle_;
  const PickleOptions& options_;
  std::size_t at_ = 0, opcode_at_ = 0;
  HeapAccount heap_;
  NodeKeeper keeper_;  // before what holds nodes: it outlives them and takes them apart
  Reducer reducer_;
  std::vector<Value> stack_, memo_;
  std::vector<std::size_t> marks_;
};

bool PickleMachine::scalar(char opcode) {
  switch (opcode) {
    case 'N': push(nullptr); return true;
    case '\x88': push(true); return true;
    case '\x89': push(false); return true;
    case 'K': push(number<std::uint8_t>()); return true;
    case 'M': push(number<std::uint16_t>()); return true;
    case 'J': push(number<std::int32_t>()); return true;
    case '\x8a': push_long(number<std::uint8_t>()); return true;
    case '\x8b': push_long(number<std::uint32_t>()); return true;
    case 'G': push(std::bit_cast<double>(__builtin_bswap64(number<std::uint64_t>()))); return true;
    case 'X': push_string(take(number<std::uint32_t>())); return true;
    case '\x8c':
    case 'U': push_string(take(number<std::uint8_t>())); return true;
    case '\x8d': push_string(take(number<std::uint64_t>())); return true;
    case 'T': push_string(take(number<std::uint32_t>())); return true;
    case 'C': push_bytes(take(number<std::uint8_t>()), Value::bytes); return true;
    case 'B': push_bytes(take(number<std::uint32_t>()), Value::bytes); return true;
    case '\x8e': push_bytes(take(number<std::uint64_t>()), Value::bytes); return true;
    case '\x96': push_bytes(take(number<std::uint64_t>()), Value::bytearray); return true;
    default: return false;
  }
}

bool PickleMachine::container(char opcode) {
  switch (opcode) {
    case ']': push_container(Value::list()); return true;
    case '}': push_container(Value::dict()); return true;
    case ')': push_container(Value::tuple()); return true;
    case '\x8f': push_container(Value::set()); return true;
    case 't': push_container(Value::tuple(pop_to_mark())); return true;
    case 'l': push_container(Value::list(pop_to_mark())); return true;
    case 'd': make_dict(); return true;
    case '\x91': make_frozenset(); return true;
    case '\x85': push_container(Value::tuple(pop_some(1))); return true;
    case '\x86': push_container(Value::tuple(pop_some(2))); return true;
    case '\x87': push_container(Value::tuple(pop_some(3))); return true;
    case 'a': append_all(pop_some(1)); return true;
    case 'e': append_all(pop_to_mark()); return true;
    case '\x90': add_all(pop_to_mark()); return true;
    case 's': set_all(pop_some(2)); return true;
    case 'u': set_all(pop_to_mark()); return true;
    default: return false;
  }
}

bool PickleMachine::machine(char opcode) {
  switch (opcode) {
    case '\x80': {
      const auto protocol = number<std::uint8_t>();
      if (protocol < 2 || protocol > 5)
        malformed("pickle protocol " + std::to_string(protocol) + " is not 2 to 5");
      return true;
    }
    case '\x95': number<std::uint64_t>(); return true;  // FRAME: a hint for buffering
    case '(':
      heap_.charge(sizeof(std::size_t) * 2);
      marks_.push_back(stack_.size());
      return true;
    case '0':
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        pop();
      return true;
    case '1': pop_to_mark(); return true;
    case '2': push(Value(top())); return true;
    case 'h': get(number<std::uint8_t>()); return true;
    case 'j': get(number<std::uint32_t>()); return true;
    case 'q': put(number<std::uint8_t>()); return true;
    case 'r': put(number<std::uint32_t>()); return true;
    case '\x94': put(memo_.size()); return true;
    case 'c': {
      const std::string_view module = line(), name = line();
      push_global(module, name);
      return true;
    }
    case '\x93': stack_global(); return true;
    case 'R': reduce(false); return true;
    case '\x81': reduce(true); return true;
    case '\x92': reduce(true, true); return true;
    case 'b': {
      const Value state = pop();
      reducer_.build(top(), state);
      return true;
    }
    case 'Q': {
      const Value id = pop();
      push(reducer_.persistent(id));
      return true;
    }
    default: return false;
  }
}

}  // namespace

Value read_pickle(std::string_view pickle, const FindStorage& find_storage,
                  const PickleOptions& options) {
  return PickleMachine(pickle, find_storage, options).run();
}

}  // namespace levin
