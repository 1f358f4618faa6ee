#include "levin/framework/base/decisions/filename_template.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "levin/framework/base/errors.h"

namespace levin {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Every "{name" up to the nearest ':' or '}' on its line: Lightning's regular expression
// (\{.*?)[:\}].
std::vector<std::string> groups_of(const std::string& text) {
  std::vector<std::string> groups;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') continue;
    const std::size_t end = text.find_first_of(":}\n", i + 1);
    if (end == std::string::npos) break;
    if (text[end] == '\n') continue;
    groups.push_back(text.substr(i, end - i));
    i = end;
  }
  // Longest first, so that "{epoch_test" is replaced before "{epoch".
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return groups;
}

// `str.format` with one argument, the dict of metrics: what Lightning hands its rewritten template
// to.
class Formatter {
 public:
  Formatter(std::string_view text, const FilenameMetrics& metrics, int depth)
      : text_(text), metrics_(metrics), depth_(depth) {}

  std::string run() {
    if (depth_ < 0) throw ValueError("Max string recursion exceeded");
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '{' && c != '}') {
        out += c;
      } else if (at_ < text_.size() && text_[at_] == c) {
        out += c;
        ++at_;
      } else if (c == '}') {
        throw ValueError("Single '}' encountered in format string");
      } else if (at_ == text_.size()) {
        throw ValueError("Single '{' encountered in format string");
      } else {
        out += field();
      }
    }
    return out;
  }

 private:
  // Reads "0[name]}" or "0[name]:spec}".
  std::string field() {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] != '}' && text_[at_] != ':' && text_[at_] != '!') {
      if (text_[at_] == '{') throw ValueError("unexpected '{' in field name");
      if (text_[at_] == '[') at_ = std::min(text_.find(']', at_), text_.size() - 1);
      ++at_;
    }
    if (at_ >= text_.size()) throw ValueError("expected '}' before end of string");
    const std::string_view name = text_.substr(start, at_ - start);
    if (text_[at_] == '!')
      throw ValueError("conversions such as !r have no place in a file name: " +
                       std::string(text_));
    std::string format_spec;
    if (text_[at_++] == ':') format_spec = spec();
    return python_format(lookup(name), format_spec);
  }

  std::string spec() {
    const std::size_t start = at_;
    for (int open = 1; at_ < text_.size(); ++at_) {
      if (text_[at_] == '{') ++open;
      if (text_[at_] == '}' && --open == 0) {
        const std::string_view inner = text_.substr(start, at_++ - start);
        return inner.find('{') == inner.npos ? std::string(inner)
                                             : Formatter(inner, metrics_, depth_ - 1).run();
      }
    }
    throw ValueError("unmatched '{' in format spec");
  }

  FormatArgument lookup(std::string_view name) const {
    const std::string shown(name);
    if (name.substr(0, 2) != "0[")
      throw ValueError("the field '{" + shown + "}' of the file name is not a metric");
    const std::size_t end = name.find(']');
    if (end == std::string_view::npos) throw ValueError("Missing ']' in format string");
    if (end + 1 != name.size())
      throw ValueError("Only '.' or '[' may follow ']' in format field specifier");
    const std::string_view key = name.substr(2, end - 2);
    if (key.empty()) throw ValueError("Empty attribute in format string");
    const auto found = metrics_.find(key);
    return found == metrics_.end() ? FormatArgument(std::int64_t{0}) : found->second;
  }

  std::string_view text_;
  const FilenameMetrics& metrics_;
  int depth_;
  std::size_t at_ = 0;
};

void refuse_escape(const std::string& dirpath, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(name).lexically_normal();
  const auto inside =
      path.is_absolute()
          ? path.lexically_relative(std::filesystem::path(dirpath).lexically_normal())
          : path;
  if (!inside.empty() && *inside.begin() != "..") return;
  throw ValueError("the checkpoint name '" + name + "' leaves the folder '" + dirpath +
                   "': a file name may make sub-folders, but not contain '..' or an absolute path "
                   "to elsewhere; set dirpath to save there");
}

}  // namespace

std::string FilenameTemplate::format(const FilenameMetrics& metrics,
                                     std::optional<std::int64_t> version,
                                     const std::optional<std::string>& prefix) const {
  return format_as(filename, metrics, version, prefix);
}

std::string FilenameTemplate::format_as(std::string_view name, const FilenameMetrics& metrics,
                                        std::optional<std::int64_t> version,
                                        const std::optional<std::string>& prefix) const {
  std::string text(name.empty() ? std::string_view(filename) : name);
  if (text.empty()) text = "{epoch}" + join_char + "{step}";
  for (const std::string& group : groups_of(text)) {
    const std::string metric = group.substr(1);
    if (auto_insert_metric_name) replace_all(text, group, metric + equals_char + "{" + metric);
    replace_all(text, group, "{0[" + metric + "]");
  }
  text = Formatter(text, metrics, 1).run();
  if (prefix) text = *prefix + join_char + text;
  if (version) text += join_char + "v" + std::to_string(*version);
  text += extension;
  refuse_escape(dirpath, text);
  if (dirpath.empty() || text.front() == '/') return text;
  return dirpath.back() == '/' ? dirpath + text : dirpath + "/" + text;
}

std::string FilenameTemplate::first_free(
    const std::function<std::string(std::optional<std::int64_t>)>& name,
    const std::function<bool(const std::string&)>& taken, std::string_view exempt,
    std::int64_t starting_version) {
  std::string path = name(std::nullopt);
  for (std::int64_t version = starting_version; path != exempt && taken(path); ++version)
    path = name(version);
  return path;
}

}  // namespace levin
