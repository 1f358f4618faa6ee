// What the values of single flags mean.
#include <charconv>
#include <regex>
#include <utility>

#include "levin/apps/launcher/option_values.h"
#include "levin/apps/launcher/options.h"
#include "levin/framework/base/errors.h"

namespace levin::launcher {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

int to_int(const std::string& text, const std::string& flag, int least, int most) {
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < least || value > most)
    throw ValueError(flag + ": '" + text + "' is not a whole number " +
                     (most == most_int ? "of at least " + std::to_string(least)
                                       : "between " + std::to_string(least) + " and " + std::to_string(most)));
  return value;
}

double to_seconds(const std::string& text, const std::string& what) {
  double value = -1;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !(value >= 0) || value > 1e9)
    throw ValueError(what + ": '" + text + "' is not a number of seconds");
  return value;
}

// As in torchrun: a local rank has one digit in a mapping.
Streams Streams::parse(const std::string& text, const std::string& flag) {
  static const std::regex one("[0-3]"), mapping("(\\d:[0-3],)*(\\d:[0-3])");
  Streams out;
  if (std::regex_match(text, one)) out.every_ = text[0] - '0';
  else if (std::regex_match(text, mapping))
    for (std::size_t at = 0; at < text.size(); at += 4) out.some_[text[at] - '0'] = text[at + 2] - '0';
  else
    throw ValueError(flag + ": '" + text + "' is neither 0 (nothing), 1 (stdout), 2 (stderr), 3 (both) nor a list of them by local rank, such as 0:1,1:2");
  return out;
}

int Streams::of(int local_rank) const {
  const auto found = some_.find(local_rank);
  return found != some_.end() ? found->second : every_;
}

Endpoint Endpoint::parse(const std::string& text, std::uint16_t default_port) {
  if (text.empty()) return {"localhost", default_port};
  const std::size_t colon = text.rfind(':');
  if (text.back() == ']' || colon == std::string::npos) return {text, default_port};
  return {text.substr(0, colon), static_cast<std::uint16_t>(to_int(text.substr(colon + 1), "the port of '" + text + "'", 0, 65535))};
}

std::map<std::string, std::string> parse_rdzv_conf(const std::string& text) {
  std::map<std::string, std::string> out;
  if (text.empty()) return out;
  for (const std::string& pair : split(text, ',')) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == pair.size())
      throw ValueError("--rdzv-conf: '" + pair + "' is not KEY=VALUE");
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

std::vector<std::string> parse_filters(const std::string& text) {
  std::vector<std::string> out;
  std::string item;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ',') item += text[i];
    else if (i + 1 < text.size() && text[i + 1] == ',') item += text[i++];  // two are one that does not part
    else out.push_back(std::exchange(item, ""));
  }
  if (!text.empty()) out.push_back(item);
  return out;
}

}  // namespace levin::launcher
