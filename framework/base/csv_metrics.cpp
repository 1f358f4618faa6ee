#include "levin/framework/base/csv_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "levin/framework/base/append_file.h"
#include "levin/framework/base/csv_cell.h"
#include "levin/framework/base/files.h"
#include "levin/framework/base/metric_text.h"

namespace levin {
namespace {

void append_line(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    append_csv_cell(out, cells[i]);
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

CsvMetricsWriter::CsvMetricsWriter(std::string path) : path_(std::move(path)), columns_{{"step", nullptr}} {}
CsvMetricsWriter::~CsvMetricsWriter() = default;

void CsvMetricsWriter::add(std::span<const Metric> metrics, std::int64_t step) {
  place(metrics);
  const char* comma = "";
  for (const auto& [name, metric] : columns_) {
    text_ += std::exchange(comma, ",");
    if (name == "step") text_ += std::to_string(step);
    else if (metric) append_text(text_, *metric);
  }
  text_ += "\r\n";
  ++rows_;
}

// Each metric under its column; a new name is a new column, also of the rows that wait.
void CsvMetricsWriter::place(std::span<const Metric> metrics) {
  for (auto& [unused, metric] : columns_) metric = nullptr;
  std::vector<std::string> before;
  for (const Metric& metric : metrics) {
    auto column = columns_.find(metric.name);
    if (column == columns_.end()) {
      if (before.empty()) before = names();
      column = columns_.emplace(metric.name, nullptr).first;
    }
    column->second = &metric;
  }
  if (!before.empty()) text_ = moved(text_, before);
}

void CsvMetricsWriter::flush() {
  if (rows_ == 0) return;
  const bool ours = columns_in_file_ > 0 && ::access(path_.c_str(), F_OK) == 0;
  if (ours && columns_in_file_ == columns_.size()) append_to_file(path_, text_);
  else replace_file(path_, header() + (ours ? earlier_rows() : "") + text_);
  columns_in_file_ = columns_.size();
  text_.clear();
  rows_ = 0;
}

std::vector<std::string> CsvMetricsWriter::names() const {
  std::vector<std::string> out;
  for (const auto& [name, unused] : columns_) out.push_back(name);
  return out;
}

std::string CsvMetricsWriter::header() const {
  std::string out;
  append_line(out, names());
  return out;
}

// Rows with the columns `before` under those of now.
std::string CsvMetricsWriter::moved(std::string_view rows, const std::vector<std::string>& before) const {
  std::vector<std::size_t> source;
  for (const auto& [name, unused] : columns_)
    source.push_back(static_cast<std::size_t>(std::find(before.begin(), before.end(), name) - before.begin()));
  std::string out;
  std::vector<std::string> cells, line(columns_.size());
  while (take_line(rows, cells)) {
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = source[i] < std::min(cells.size(), before.size()) ? cells[source[i]] : "";
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

  std::string_view rows = text;
  std::vector<std::string> before;
  take_line(rows, before);
  return moved(rows, before);
}

}  // namespace levin
