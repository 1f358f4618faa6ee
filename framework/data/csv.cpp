#include "levin/framework/data/csv.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"

namespace levin {
namespace {

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) {
    const int error = errno;
    const std::string message = path + ": " + std::generic_category().message(error);
    if (error == ENOENT) throw FileNotFoundError(message);
    throw OSError(message);
  }
  std::string text(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)), '\0');
  file.seekg(0);
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())))
    throw OSError(path + ": can't be read");
  return text;
}

/// Goes through the text row by row.
class CsvReader {
 public:
  CsvReader(const std::string& path, std::string_view text, char delimiter)
      : path_(path), text_(text), delimiter_(delimiter) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    while (!text_.empty() && (text_.back() == '\n' || text_.back() == '\r')) text_.remove_suffix(1);
    ended_ = text_.empty();
  }

  /// The next row's cells; false at the end. They are valid until the next call.
  bool next(std::vector<std::string_view>& cells) {
    cells.clear();
    if (ended_) return false;
    line_ = next_line_++;
    unquoted_.clear();
    quoted_cells_.clear();
    do cells.push_back(cell(cells.size()));
    while (take(delimiter_));
    // Only now: a text that grows moves.
    for (const auto& [index, from, size] : quoted_cells_)
      cells[index] = std::string_view(unquoted_).substr(from, size);
    take('\r');
    ended_ = at_ == text_.size();
    if (!ended_ && !take('\n')) fail("unexpected text after a closing quote");
    return true;
  }

  std::string where() const { return path_ + ", line " + std::to_string(line_); }

 private:
  struct Quoted {
    std::size_t index, from, size;
  };

  [[noreturn]] void fail(const std::string& what) const { throw ValueError(where() + ": " + what); }

  bool take(char wanted) {
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  std::string_view cell(std::size_t index) {
    if (take('"')) return quoted(index);
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n') ++at_;
    std::size_t end = at_;
    if (end > from && text_[end - 1] == '\r') --end;
    return text_.substr(from, end - from);
  }

  std::string_view quoted(std::size_t index) {
    const std::size_t from = unquoted_.size();
    while (true) {
      if (at_ >= text_.size()) fail("a quote is never closed");
      const char c = text_[at_++];
      if (c == '"' && !take('"')) break;
      if (c == '\n') ++next_line_;
      unquoted_ += c;
    }
    quoted_cells_.push_back({index, from, unquoted_.size() - from});
    return {};
  }

  const std::string& path_;
  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0, line_ = 1, next_line_ = 1;
  bool ended_ = false;
  std::string unquoted_;  // the row's quoted cells, without their quotes
  std::vector<Quoted> quoted_cells_;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The whole cell as a number; false if it is none.
template <class T>
bool parse(std::string_view cell, T& number) {
  cell = trimmed(cell);
  if (cell.starts_with('+') && cell.size() > 1 && cell[1] != '-') cell.remove_prefix(1);
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
  return error == std::errc() && end == cell.data() + cell.size();
}

void check(const CsvOptions& options) {
  const std::string& d = options.delimiter;
  if (d.size() != 1 || std::string_view("\" \r\n").find(d[0]) != std::string_view::npos)
    throw ValueError("delimiter: expected one character such as ',' or ';', got '" + d + "'");
  if (options.target_dtype != "int64" && options.target_dtype != "float32")
    throw ValueError("target_dtype: expected 'int64' or 'float32', got '" + options.target_dtype +
                     "'");
}

std::size_t position(const std::string& path, const std::vector<std::string>& columns,
                     const std::string& name) {
  const auto found = std::find(columns.begin(), columns.end(), name);
  if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  const std::string near = nearest_name(name, columns);
  std::string names;
  if (near.empty())
    for (const std::string& column : columns) names += (names.empty() ? "" : ", ") + column;
  throw KeyError(path + ": there is no column '" + name + "'; " +
                 (near.empty() ? "there are " + names : "did you mean '" + near + "'?"));
}

/// Which cells of a row go where, and what was read of them so far.
class Columns {
 public:
  Columns(const std::string& path, const CsvOptions& options, CsvData& data)
      : options_(options), data_(data) {
    if (!options.target.empty()) target_ = position(path, data.columns, options.target);
    data.feature_names = options.features;
    if (options.features.empty())
      for (const std::string& name : data.columns)
        if (options.target.empty() || name != options.target) data.feature_names.push_back(name);
    for (const std::string& name : data.feature_names)
      features_.push_back(position(path, data.columns, name));
  }

  void read(const CsvReader& reader, const std::vector<std::string_view>& cells) {
    if (cells.size() != data_.columns.size())
      throw ValueError(reader.where() + ": expected " + std::to_string(data_.columns.size()) +
                       " cells as in the header, got " + std::to_string(cells.size()));
    ++rows_;
    for (const std::size_t column : features_)
      values_.push_back(
          static_cast<float>(number<double>(reader, cells, column, "a number") * options_.scale));
    if (options_.target.empty()) return;
    if (options_.target_dtype == "int64")
      labels_.push_back(number<std::int64_t>(reader, cells, target_, "a whole number"));
    else
      targets_.push_back(static_cast<float>(number<double>(reader, cells, target_, "a number")));
  }

  void finish() {
    const auto width = static_cast<std::int64_t>(features_.size());
    data_.features = tensor(values_, {rows_, width}, at::kFloat);
    if (options_.target.empty()) return;
    data_.target = options_.target_dtype == "int64" ? tensor(labels_, {rows_}, at::kLong)
                                                    : tensor(targets_, {rows_}, at::kFloat);
  }

 private:
  template <class T>
  T number(const CsvReader& reader, const std::vector<std::string_view>& cells, std::size_t column,
           const char* wanted) const {
    T out{};
    if (!parse(cells[column], out))
      throw ValueError(reader.where() + ", column '" + data_.columns[column] + "': expected " +
                       wanted + ", got '" + std::string(cells[column]) + "'");
    return out;
  }

  template <class T>
  static at::Tensor tensor(const std::vector<T>& values, at::IntArrayRef sizes,
                           at::ScalarType dtype) {
    at::Tensor out = at::empty(sizes, at::TensorOptions(dtype));
    if (!values.empty())
      std::memcpy(out.mutable_data_ptr(), values.data(), values.size() * sizeof(T));
    return out;
  }

  const CsvOptions& options_;
  CsvData& data_;
  std::vector<std::size_t> features_;
  std::size_t target_ = 0;
  std::int64_t rows_ = 0;
  std::vector<float> values_, targets_;
  std::vector<std::int64_t> labels_;
};

}  // namespace

CsvData read_csv(const std::string& path, const CsvOptions& options) {
  check(options);
  const std::string text = read_whole(path);
  CsvReader reader(path, text, options.delimiter[0]);
  CsvData data;
  std::vector<std::string_view> cells;
  if (!reader.next(cells))
    throw ValueError(path + ": the file is empty; expected a header row with the columns' names");
  for (const std::string_view cell : cells) {
    const std::string name(trimmed(cell));
    if (std::find(data.columns.begin(), data.columns.end(), name) != data.columns.end())
      throw ValueError(reader.where() + ": the column '" + name + "' is there twice");
    data.columns.push_back(name);
  }
  Columns columns(path, options, data);
  while (reader.next(cells)) columns.read(reader, cells);
  columns.finish();
  return data;
}

}  // namespace levin
