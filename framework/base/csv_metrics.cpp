#include "levin/framework/base/csv_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "levin/framework/base/append_file.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

// What csv.writer does with QUOTE_MINIMAL.
void append_cell(std::string& out, const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) {
    out += cell;
    return;
  }
  out += '"';
  for (char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_line(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    append_cell(out, cells[i]);
  }
  out += "\r\n";
}

// Takes the next line's cells off `text`; false at its end.
bool take_line(std::string_view& text, std::vector<std::string>& cells) {
  cells.assign(1, "");
  if (text.empty()) return false;
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const bool doubled = quoted && i + 1 < text.size() && text[i + 1] == '"';
      if (doubled) cells.back() += text[i++];
      else quoted = !quoted;
    } else if (!quoted && c == ',') {
      cells.emplace_back();
    } else if (!quoted && (c == '\r' || c == '\n')) {
      i += text.substr(i, 2) == "\r\n" ? 2 : 1;
      break;
    } else {
      cells.back() += c;
    }
  }
  text.remove_prefix(i);
  return true;
}

}  // namespace

CsvMetricsWriter::CsvMetricsWriter(std::string path) : path_(std::move(path)) {}
CsvMetricsWriter::~CsvMetricsWriter() = default;

void CsvMetricsWriter::add(std::span<const Metric> metrics, std::int64_t step) {
  for (const Metric& metric : metrics) cells_.push_back({column(metric.name), metric.value, metric.integer});
  rows_.push_back({step, cells_.size()});
}

std::size_t CsvMetricsWriter::column(std::string_view name) {
  const auto found = columns_.find(name);
  return found != columns_.end() ? found->second : columns_.emplace(name, columns_.size()).first->second;
}

void CsvMetricsWriter::flush() {
  if (rows_.empty()) return;
  const bool ours = columns_in_file_ > 0 && ::access(path_.c_str(), F_OK) == 0;
  if (ours && columns_in_file_ == columns_.size()) append_to_file(path_, new_rows());
  else replace_file(path_, header() + (ours ? earlier_rows() : "") + new_rows());
  columns_in_file_ = columns_.size();
  rows_.clear();
  cells_.clear();
}

std::string CsvMetricsWriter::header() const {
  std::vector<std::string> names;
  for (const auto& [name, unused] : columns_) names.push_back(name);
  std::string out;
  append_line(out, names);
  return out;
}

std::string CsvMetricsWriter::new_rows() const {
  std::string out;
  std::vector<std::string> by_column(columns_.size()), line;
  std::size_t cell = 0;
  for (const Row& row : rows_) {
    std::fill(by_column.begin(), by_column.end(), "");
    for (; cell < row.end; ++cell) {
      const auto& [at, value, integer] = cells_[cell];
      by_column[at] = integer ? std::to_string(static_cast<std::int64_t>(value)) : python_repr(value);
    }
    by_column[0] = std::to_string(row.step);
    line.clear();
    for (const auto& [unused, at] : columns_) line.push_back(by_column[at]);
    append_line(out, line);
  }
  return out;
}

// The file's rows under the columns of now. It is read back rather than kept: a long run's rows
// need not stay in memory for the rare flush that brings a new name.
std::string CsvMetricsWriter::earlier_rows() const {
  std::ifstream file(path_, std::ios::binary);
  std::ostringstream buffer;
  if (!file || (file.peek() != EOF && !(buffer << file.rdbuf()))) throw_os_error(errno ? errno : EIO, path_);
  const std::string text = buffer.str();

  std::string_view rest = text;
  std::vector<std::string> old_header;
  take_line(rest, old_header);
  std::vector<std::size_t> source;
  for (const auto& [name, unused] : columns_) {
    const auto found = std::find(old_header.begin(), old_header.end(), name);
    source.push_back(static_cast<std::size_t>(found - old_header.begin()));
  }
  std::string out;
  std::vector<std::string> cells, moved(columns_.size());
  while (take_line(rest, cells)) {
    for (std::size_t i = 0; i < moved.size(); ++i)
      moved[i] = source[i] < std::min(cells.size(), old_header.size()) ? cells[source[i]] : "";
    append_line(out, moved);
  }
  return out;
}

}  // namespace levin
