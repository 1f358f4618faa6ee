#pragma once
#include <atomic>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

/// The value tree: what a checkpoint, a hyperparameter, a callback's state or a configuration is made of. Torch-free.
///
/// It models Python's values, so that a tree goes into a `.ckpt` as Python would pickle it and comes back the same.
/// Containers behave as in Python: copying a `Value` shares the container, `clone()` copies deeply.
namespace levin {

/// An element type, spelt as torch spells it.
enum class DType : std::uint8_t {
  uint8, int8, int16, int32, int64, float16, float32, float64, complex32, complex64, complex128, bool_, bfloat16,
  float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu, uint16, uint32, uint64,
};
/// Bytes of one element.
LEVIN_API std::size_t itemsize(DType dtype);
/// "float32", "bool", ...: the name after `torch.`.
LEVIN_API const char* dtype_name(DType dtype);

/// The bytes behind one or more tensors. Tensors that share a `Storage` object stay tied through a save and a load.
struct Storage {
  DType dtype = DType::float32;         ///< the type of the storage (all its tensors have it, unless it is untyped)
  std::size_t nbytes = 0;
  const void* data = nullptr;           ///< null only if nbytes is 0
  std::shared_ptr<const void> owner;    ///< keeps `data` alive: a mapped file, a buffer, a torch storage
  std::string location = "cpu";         ///< where it lived when saved ("cpu", "cuda:0"): a hint
};

struct Object;

/// A strided view of a storage, as `torch._utils._rebuild_tensor_v2` describes it. Offset and strides count elements.
struct TensorRef {
  DType dtype = DType::float32;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
  std::int64_t storage_offset = 0;
  std::shared_ptr<const Storage> storage;
  bool requires_grad = false;
  bool parameter = false;               ///< a torch.nn.Parameter
  /// What Python keeps beside the elements, null if nothing: `callable` is the tensor's subclass (none: it is no subclass), `state`
  /// the attributes that were set on it (`tensor.note = ...`).
  std::shared_ptr<const Object> python;

  LEVIN_API std::int64_t numel() const;
  LEVIN_API bool is_contiguous() const;
};

/// A name that a pickle refers to: a class, a function, a dtype. Never executed.
struct Global {
  std::string module, name;
  bool operator==(const Global&) const = default;
};

class Value;
class Dict;
using List = std::vector<Value>;

/// `callable(*args)` with an optional state, as a pickle's REDUCE/NEWOBJ and BUILD describe it. Inert: nothing runs it.
/// torch.Size and torch.device are objects too.
struct Object;

class LEVIN_API Value {
 public:
  enum class Kind : std::uint8_t {
    none, boolean, integer, floating, complex, big_integer, string, bytes, bytearray, tensor, list, tuple, set, dict, global, object,
  };

  Value() = default;
  Value(std::nullptr_t) {}
  template <class T> requires std::same_as<T, bool>
  Value(T v) : kind_(Kind::boolean), data_{.boolean = v} {}
  template <class T> requires(std::integral<T> && !std::same_as<T, bool>)
  Value(T v) : kind_(Kind::integer), data_{.integer = static_cast<std::int64_t>(v)} {}
  template <std::floating_point T>
  Value(T v) : kind_(Kind::floating), data_{.floating = static_cast<double>(v)} {}
  Value(std::complex<double> v);
  Value(const char* v) : Value(std::string_view(v)) {}
  Value(std::string v);
  Value(std::string_view v);
  Value(TensorRef v);
  Value(Global v);
  Value(Object v);
  Value(Dict v);

  Value(const Value& other) noexcept : kind_(other.kind_), data_(other.data_) {
    if (is_shared()) data_.node->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Value(Value&& other) noexcept : kind_(std::exchange(other.kind_, Kind::none)), data_(other.data_) {}
  // The old content goes last: it may own what comes in its place.
  Value& operator=(Value other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Value() {
    if (is_shared()) release();
  }

  static Value list(List items = {});
  static Value tuple(List items = {});
  static Value set(List items = {});
  static Value dict();
  /// A `collections.OrderedDict`.
  static Value ordered_dict();
  static Value bytes(std::string raw);
  static Value bytearray(std::string raw);
  /// An int beyond 64 bits: little-endian two's complement, as pickle's LONG stores it.
  static Value big_integer(std::string little_endian);
  /// A 0-dim float32 (or float64, int64) tensor on the CPU that owns its element.
  static Value scalar_tensor(double value, DType dtype = DType::float32);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind() == Kind::none; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_int() const { return kind() == Kind::integer; }
  bool is_float() const { return kind() == Kind::floating; }
  bool is_number() const { return is_int() || is_float(); }
  bool is_string() const { return kind() == Kind::string; }
  bool is_tensor() const { return kind() == Kind::tensor; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_tuple() const { return kind() == Kind::tuple; }
  bool is_dict() const { return kind() == Kind::dict; }

  /// Reads; a TypeError says what was wanted and what is there ("expected an int, got str 'x'").
  bool as_bool() const;
  std::int64_t as_int() const;
  /// A float, or an int converted.
  double as_double() const;
  std::complex<double> as_complex() const;
  const std::string& as_string() const {
    if (is_string()) return content<std::string>();
    wrong_type("a str");
  }
  /// The raw bytes of a bytes, bytearray or big_integer.
  const std::string& as_bytes() const;
  const TensorRef& as_tensor() const;
  /// The number in a 0-dim or one-element tensor, or a plain number.
  double number() const;
  const Global& as_global() const;
  const Object& as_object() const;
  Object& as_object();
  /// Items of a list, tuple or set.
  const List& items() const;
  List& items();
  const Dict& as_dict() const;
  Dict& as_dict();

  /// A dict's entry, made as None when absent (a none becomes an empty dict first).
  Value& operator[](std::string_view key);
  /// A dict's entry; KeyError names the key and those that are there.
  const Value& at(std::string_view key) const;
  /// A dict's entry or nullptr; nullptr too when this is no dict.
  const Value* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  std::size_t size() const;
  void push_back(Value item);

  /// A deep copy of the containers; tensors keep sharing their storages.
  Value clone() const;
  /// Deep equality; a tensor equals by dtype, shape and elements' bytes; a list never equals a tuple; NaN equals NaN.
  bool operator==(const Value& other) const;
  /// Whether two values are the same container (Python's `is`).
  bool same_object(const Value& other) const { return identity() != nullptr && identity() == other.identity(); }
  /// The address of the shared part of a container, string or tensor; nullptr for plain scalars.
  const void* identity() const;
  /// Python's name of the type: "int", "str", "dict", "Tensor", ...
  std::string type_name() const;
  /// Python's repr; tensors print as "tensor(dtype, [sizes])", long values are cut to `limit` characters.
  std::string repr(std::size_t limit = 200) const;

 private:
  // What values share: text, numbers that don't fit, tensors and containers. Owned by the values that point to it.
  struct Node {
    std::atomic<std::uint32_t> owners = 1;
  };
  template <class Content>
  struct Holding : Node {
    explicit Holding(Content given) : content(std::move(given)) {}
    Content content;
  };
  struct Raw;       // bytes, bytearray, big_integer
  struct Sequence;  // list, tuple, set
  union Data {
    bool boolean;
    std::int64_t integer = 0;
    double floating;
    Node* node;
  };

  template <class Content>
  Value(Kind kind, Content content);
  template <class Content>
  Holding<Content>* node() const { return static_cast<Holding<Content>*>(data_.node); }
  template <class Content>
  Content& content() const { return node<Content>()->content; }
  [[noreturn]] void wrong_type(const char* wanted) const;
  bool is_shared() const { return kind_ >= Kind::complex; }
  void release() {
    // The last owner need not say so to others.
    if (data_.node->owners.load(std::memory_order_acquire) == 1 || data_.node->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }
  void destroy();

  Kind kind_ = Kind::none;  // those from `complex` on have a node
  Data data_;
};

struct Object {
  Value callable;   ///< a Global
  Value args;       ///< a tuple
  Value state;      ///< what BUILD gave; none if nothing
  bool is_new = false;  ///< made by NEWOBJ (`cls.__new__(cls, *args)`) and not by REDUCE
};

/// A dict that keeps the order of insertion. Keys are str, int, bool, float, None or tuples of these; as in Python, 1, 1.0
/// and True are the same key.
class LEVIN_API Dict {
 public:
  enum class Type : std::uint8_t { dict, ordered_dict, counter };
  using Item = std::pair<Value, Value>;
  /// An entry on its way into a dict: `Dict{{"epoch", 3}, {"path", path}}`.
  struct LEVIN_API Entry {
    Entry(Value name, Value content) : key(std::move(name)), value(std::move(content)) {}
    template <class Name> requires(std::convertible_to<const Name&, std::string_view> && !std::same_as<Name, std::nullptr_t>)
    Entry(const Name& name, Value content) : key(shared_name(name)), value(std::move(content)) {}
    mutable Value key, value;  // an initializer_list is const, and these move on

   private:
    static Value shared_name(std::string_view name);
  };

  Dict() = default;
  Dict(std::initializer_list<Entry> entries);

  Type type = Type::dict;
  /// What a BUILD hung on an OrderedDict: `{"_metadata": ...}` of a module's state_dict; none if nothing.
  Value attributes;

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  std::vector<Item>::const_iterator begin() const { return items_.begin(); }
  std::vector<Item>::const_iterator end() const { return items_.end(); }
  std::vector<Item>::iterator begin() { return items_.begin(); }
  std::vector<Item>::iterator end() { return items_.end(); }

  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  const Value* find(const Value& key) const;
  const Value* find(const char* key) const { return find(std::string_view(key)); }
  Value* find(const char* key) { return find(std::string_view(key)); }
  Value& operator[](std::string_view key);
  /// Sets an entry; a key that is there keeps its place and gets the new value, as in Python.
  void set(Value key, Value value);
  bool erase(std::string_view key);

 private:
  std::size_t position(const Value& key) const;        // size() if absent
  std::size_t position(std::string_view key) const;
  template <class IsIt>
  std::size_t indexed(std::uint64_t hash, IsIt is_it) const;
  void append(Value key, Value value);
  void index(std::size_t i);
  void index_all();

  std::vector<Item> items_;
  std::vector<std::uint32_t> index_;  // a hash table of the items' places + 1, once there are more than a few
};

inline const Dict& Value::as_dict() const {
  if (is_dict()) return content<Dict>();
  wrong_type("a dict");
}
inline Dict& Value::as_dict() {
  if (is_dict()) return content<Dict>();
  wrong_type("a dict");
}

}  // namespace levin
