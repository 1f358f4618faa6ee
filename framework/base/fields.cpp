#include "levin/framework/base/fields.h"

#include <cstdio>
#include <numeric>

namespace levin {
namespace {

// Edits from one word to the other; two letters that have changed places are one (optimal string alignment). Three rows.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) next[j] = std::min(next[j], before[j - 2] + 1);
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view given, const std::vector<std::string>& known) {
  std::string best;
  std::size_t least = std::min<std::size_t>(4, given.size() / 2 + 1);
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(given, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

KeyError unknown_key(std::string_view path, std::string_view given, const std::vector<std::string>& known) {
  std::string text = (path.empty() ? "" : std::string(path) + ": ") + "unknown key '" + std::string(given) + "'";
  const std::string near = nearest_name(given, known);
  if (!near.empty()) return KeyError(text + "; did you mean '" + near + "'?");
  text += "; known keys:";
  for (const std::string& name : known) text += " " + name;
  return KeyError(text);
}

std::string list_type(const std::string& item_type, const std::string& length) {
  const bool several = item_type.find(" or ") != item_type.npos;
  return "list of " + (length.empty() ? "" : length + " ") + (several ? "(" + item_type + ")" : item_type);
}

void add_unknown_keys(const Value& dict, const std::vector<std::string>& known, Problems& problems) {
  for (const auto& [key, unused] : dict.as_dict()) {
    const std::string name = key.is_string() ? key.as_string() : key.repr();
    if (!key.is_string() || std::find(known.begin(), known.end(), name) == known.end())
      problems.add({"", unknown_key("", name, known).what(), "KeyError", name});
  }
}

void rethrow_at(const std::string& path) {
  Problems problems;
  problems.note(path);
  problems.throw_at("");
  throw;  // not reached
}

Seconds read_duration(const Value& value) {
  if (value.is_number()) return Seconds(value.as_double());
  if (value.is_string()) {
    long d = 0, h = 0, m = 0, s = 0;
    int used = 0;
    const std::string& text = value.as_string();
    if (std::sscanf(text.c_str(), "%ld:%ld:%ld:%ld%n", &d, &h, &m, &s, &used) == 4 && used == static_cast<int>(text.size()))
      return Seconds(static_cast<double>(((d * 24 + h) * 60 + m) * 60 + s));
    throw TypeError("expected a duration 'DD:HH:MM:SS', got '" + text + "'");
  }
  if (value.is_dict()) {
    static const std::vector<std::string> names{"weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"};
    static constexpr double seconds[] = {604800, 86400, 3600, 60, 1, 1e-3, 1e-6};
    double total = 0;
    for (const auto& [key, amount] : value.as_dict()) {
      const auto at = std::find(names.begin(), names.end(), key.is_string() ? key.as_string() : "");
      if (at == names.end()) throw unknown_key("", key.repr(), names);
      total += amount.as_double() * seconds[at - names.begin()];
    }
    return Seconds(total);
  }
  throw TypeError("expected a duration ('DD:HH:MM:SS', a dict of days, hours, minutes, seconds, or seconds), got " + value.type_name());
}

}  // namespace levin
