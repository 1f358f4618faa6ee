#pragma once
#include <string>
#include <string_view>

/// How `dump_yaml` writes text: which quotes it needs and where its lines are folded. Internal.
namespace levin {

enum class YamlStyle : unsigned char { plain, single_quoted, double_quoted };

/// The characters of UTF-8 text (lone surrogates pass, as in Python).
std::u32string code_points(std::string_view utf8);
bool has_line_break(const std::u32string& text);
/// Whether YAML 1.1 would read the text, unquoted, as a bool, a number, a date, null, "<<" or "=".
bool reads_as_other_than_text(const std::u32string& text);
/// The lightest style in which `text` reads back as itself.
YamlStyle yaml_style(const std::u32string& text);

/// The output under way. It knows the column, and whether the line has only indentation and
/// indicators ("- ", "? ") so far, behind which a collection may begin.
class YamlLines {
 public:
  /// Goes to column `indent`, on a new line unless the present one can be used.
  void new_line(int indent);
  /// "-", ":" and the like; `keeps_open` if a collection may begin behind it on the same line.
  void indicator(std::string_view mark, bool needs_space, bool keeps_open = false);
  /// Writes text; lines that `may_fold` go on at column `indent` after the 80th.
  void text(const std::u32string& text, YamlStyle style, int indent, bool may_fold);
  std::string take() { return std::move(out_); }

 private:
  void put(std::u32string_view ascii);
  void break_line();
  void plain(const std::u32string& text, int indent, bool may_fold);
  void single_quoted(const std::u32string& text, int indent, bool may_fold);
  void double_quoted(const std::u32string& text, int indent, bool may_fold);
  void fold(int indent);

  std::string out_;
  int column_ = 0;
  bool after_space_ = true;
  bool open_ = true;
};

}  // namespace levin
