#pragma once
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace levin::bench {

/// The program's `place`-th argument, a whole number from 1 on, or `otherwise` where it is not given. Ends the program if it is
/// anything else.
inline std::int64_t count_argument(int count, char** arguments, int place, const char* name, std::int64_t otherwise) {
  if (place >= count) return otherwise;
  const std::string_view text = arguments[place];
  std::int64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad == std::errc() && end == text.data() + text.size() && number >= 1) return number;
  std::fprintf(stderr, "%s: %s must be a whole number from 1 on, got '%s'; leave it out for %lld\n", arguments[0], name, arguments[place],
               static_cast<long long>(otherwise));
  std::exit(2);
}

/// The same for a folder. What begins with a dash is none.
inline std::string folder_argument(int count, char** arguments, int place, const char* otherwise) {
  if (place >= count) return otherwise;
  if (arguments[place][0] != '-') return arguments[place];
  std::fprintf(stderr, "%s: FOLDER must be a folder, got '%s'; there are no flags, and without it the folder is %s\n", arguments[0], arguments[place],
               otherwise);
  std::exit(2);
}

}  // namespace levin::bench
