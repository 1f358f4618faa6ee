#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/problems.h"
#include "levin/framework/base/value.h"

/// One list of fields per options struct, and everything that follows from it.
///
/// An options struct is a plain aggregate; beside it stands, found by argument-dependent lookup,
///
///     template <class V> void fields(V&& f, MyOptions& o) {
///       f("hidden", o.hidden, "units of the hidden layer");
///       f("lr", o.lr, "learning rate");
///     }
///
/// From that list: strict reading from a configuration (`read_fields`), writing (`write_fields`: hyperparameters, `--print_config`),
/// and description (`describe_fields`: `--help`, schema, docs). A type that a field may have is taught by specialising `Field<T>`.
namespace levin {

using Seconds = std::chrono::duration<double>;

/// How one C++ type goes from and to a `Value`. `read` throws TypeError or ValueError about the value only; who calls adds the path.
template <class T>
struct Field;

/// What a field list is asked with, to see whether there is one.
struct FieldProbe {
  template <class T>
  void operator()(std::string_view, T&, std::string_view) const {}
};
template <class T>
concept HasFields = requires(T& options, FieldProbe probe) { fields(probe, options); };

/// One option, as `--help`, the schema and the docs tell of it. `type` reads "int", "list of (int or str) or null", "callback", ...;
/// for "options" the options within are `nested`.
struct FieldDescription {
  std::string name, type, doc;
  Value default_value;
  std::vector<FieldDescription> nested = {};
};

/// The name among `known` that is nearest to `given` (edit distance at most 3), or "".
LEVIN_API std::string nearest_name(std::string_view given, const std::vector<std::string>& known);
/// KeyError: "trainer: unknown key 'max_epoch'; did you mean 'max_epochs'?" plus the known names when none is near.
LEVIN_API KeyError unknown_key(std::string_view path, std::string_view given, const std::vector<std::string>& known);
/// The same as a problem for each key of the dict that is not among the known ones.
LEVIN_API void add_unknown_keys(const Value& dict, const std::vector<std::string>& known, Problems& problems);
/// The error that is being handled, with "path: " in front of its text.
[[noreturn]] LEVIN_API void rethrow_at(const std::string& path);
/// "DD:HH:MM:SS", a dict of timedelta's arguments (days, hours, minutes, seconds, weeks, milliseconds), or a number of seconds.
LEVIN_API Seconds read_duration(const Value& value);

/// Sets the members of `options` from the dict `value`. Keys that are absent keep their defaults; unknown keys are problems.
template <HasFields T>
void read_fields(const Value& value, T& options, Problems& problems) {
  if (!value.is_dict()) return problems.add({"", "expected a dict of options, got " + value.type_name() + " " + value.repr(80), "TypeError"});
  std::vector<std::string> known;
  fields([&](std::string_view name, auto&, std::string_view) { known.emplace_back(name); }, options);
  add_unknown_keys(value, known, problems);
  fields([&](std::string_view name, auto& member, std::string_view) {
    if (const Value* given = value.find(name))
      problems.collect(name, [&] { member = Field<std::remove_cvref_t<decltype(member)>>::read(*given); });
  }, options);
}

/// The same for who wants an error at once: the class that it is if there is one ("trainer.max_epochs: expected an int, got str 'x'",
/// where `path` is "trainer"), an OptionErrors if there are several.
template <HasFields T>
void read_fields(const Value& value, T& options, const std::string& path) {
  Problems problems;
  read_fields(value, options, problems);
  problems.throw_at(path);
}

/// All fields as an ordered dict.
template <HasFields T>
Value write_fields(const T& options) {
  Value out = Value::dict();
  fields([&](std::string_view name, auto& member, std::string_view) {
    out[name] = Field<std::remove_cvref_t<decltype(member)>>::write(member);
  }, const_cast<T&>(options));
  return out;
}

/// The options within a field's type; none unless it is such a struct, or a list of them, or one that may be null.
template <class T>
struct NestedFields {
  static std::vector<FieldDescription> get() { return {}; }
};

template <HasFields T>
std::vector<FieldDescription> describe_fields(const T& defaults = {}) {
  std::vector<FieldDescription> out;
  fields([&](std::string_view name, auto& member, std::string_view doc) {
    using M = std::remove_cvref_t<decltype(member)>;
    out.push_back({std::string(name), Field<M>::type(), std::string(doc), Field<M>::write(member), NestedFields<M>::get()});
  }, const_cast<T&>(defaults));
  return out;
}

template <HasFields T>
struct NestedFields<T> {
  static std::vector<FieldDescription> get() { return describe_fields(T{}); }
};
template <class T>
struct NestedFields<std::optional<T>> : NestedFields<T> {};
template <class T>
struct NestedFields<std::vector<T>> : NestedFields<T> {};

/// "list of int", "list of (int or str)".
LEVIN_API std::string list_type(const std::string& item_type, const std::string& length = "");

template <>
struct Field<bool> {
  static bool read(const Value& v) { return v.as_bool(); }
  static Value write(bool v) { return v; }
  static std::string type() { return "bool"; }
};

template <std::integral T> requires(!std::same_as<T, bool>)
struct Field<T> {
  static T read(const Value& v) {
    const std::int64_t n = v.as_int();
    if (!std::in_range<T>(n)) throw ValueError(std::to_string(n) + " is out of range");
    return static_cast<T>(n);
  }
  static Value write(T v) { return v; }
  static std::string type() { return "int"; }
};

template <std::floating_point T>
struct Field<T> {
  /// JSON has no infinities: "inf" and "-inf" stand for them, as `dump_json` writes them.
  static T read(const Value& v) {
    if (v.is_string() && (v.as_string() == "inf" || v.as_string() == "-inf")) return v.as_string()[0] == '-' ? -INFINITY : INFINITY;
    return static_cast<T>(v.as_double());
  }
  static Value write(T v) { return v; }
  static std::string type() { return "float"; }
};

template <>
struct Field<std::string> {
  static std::string read(const Value& v) { return v.as_string(); }
  static Value write(const std::string& v) { return v; }
  static std::string type() { return "str"; }
};

template <>
struct Field<Value> {
  static Value read(const Value& v) { return v; }
  static Value write(const Value& v) { return v; }
  static std::string type() { return "any"; }
};

template <>
struct Field<std::monostate> {
  static std::monostate read(const Value& v) {
    if (!v.is_none()) throw TypeError("expected null, got " + v.type_name());
    return {};
  }
  static Value write(std::monostate) { return {}; }
  static std::string type() { return "null"; }
};

template <>
struct Field<Seconds> {
  static Seconds read(const Value& v) { return read_duration(v); }
  static Value write(Seconds v) { return v.count(); }
  static std::string type() { return "duration"; }
};

/// A function is code: a configuration can only leave it unset.
template <class R, class... Args>
struct Field<std::function<R(Args...)>> {
  static std::function<R(Args...)> read(const Value& v) {
    if (!v.is_none()) throw ValueError("a function can only be given in C++, here it can only be null; got " + v.type_name() + " " + v.repr(80));
    return {};
  }
  static Value write(const std::function<R(Args...)>&) { return {}; }
  static std::string type() { return "function"; }
};

template <class T>
struct Field<std::optional<T>> {
  static std::optional<T> read(const Value& v) {
    if (v.is_none()) return std::nullopt;
    return Field<T>::read(v);
  }
  static Value write(const std::optional<T>& v) { return v ? Field<T>::write(*v) : Value(); }
  static std::string type() { return Field<T>::type() + " or null"; }
};

template <class T>
struct Field<std::vector<T>> {
  static std::vector<T> read(const Value& v) {
    if (!v.is_list() && !v.is_tuple()) throw TypeError("expected a list, got " + v.type_name() + " " + v.repr(80));
    std::vector<T> out;
    Problems problems;
    for (std::size_t i = 0; i < v.items().size(); ++i)
      problems.collect(i, [&] { out.push_back(Field<T>::read(v.items()[i])); });
    problems.throw_any();
    return out;
  }
  static Value write(const std::vector<T>& v) {
    Value out = Value::list();
    for (const T& item : v) out.push_back(Field<T>::write(item));
    return out;
  }
  static std::string type() { return list_type(Field<T>::type()); }
};

template <class T, std::size_t N>
struct Field<std::array<T, N>> {
  static std::array<T, N> read(const Value& v) {
    const auto items = Field<std::vector<T>>::read(v);
    if (items.size() != N) throw ValueError("expected a list of " + std::to_string(N) + ", got " + std::to_string(items.size()));
    std::array<T, N> out{};
    std::copy(items.begin(), items.end(), out.begin());
    return out;
  }
  static Value write(const std::array<T, N>& v) { return Field<std::vector<T>>::write({v.begin(), v.end()}); }
  static std::string type() { return list_type(Field<T>::type(), std::to_string(N)); }
};

/// The alternatives are tried in order, so an int stays an int (`1` is one batch, `1.0` all of them) when int stands before float.
template <class... Ts>
struct Field<std::variant<Ts...>> {
  using Variant = std::variant<Ts...>;
  static Variant read(const Value& v) {
    std::optional<Variant> out;
    (try_one<Ts>(v, out), ...);
    if (!out) throw TypeError("expected " + type() + ", got " + v.type_name() + " " + v.repr(80));
    return std::move(*out);
  }
  static Value write(const Variant& v) {
    return std::visit([](const auto& x) { return Field<std::remove_cvref_t<decltype(x)>>::write(x); }, v);
  }
  static std::string type() {
    std::string out;
    ((out += (out.empty() ? "" : " or ") + Field<Ts>::type()), ...);
    return out;
  }

 private:
  template <class T>
  static void try_one(const Value& v, std::optional<Variant>& out) {
    if (out) return;
    try {
      out = Variant(std::in_place_type<T>, Field<T>::read(v));
    } catch (const TypeError&) {
    }
  }
};

/// A struct with fields of its own, nested.
template <HasFields T>
struct Field<T> {
  static T read(const Value& v) {
    T out{};
    Problems problems;
    read_fields(v, out, problems);
    problems.throw_any();
    return out;
  }
  static Value write(const T& v) { return write_fields(v); }
  static std::string type() { return "options"; }
};

}  // namespace levin
