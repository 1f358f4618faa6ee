#include "levin/framework/base/csv_metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

[[noreturn]] void fail(const std::string& doing, const std::string& path, int reason) {
  throw OSError("[Errno " + std::to_string(reason) + "] " + std::strerror(reason) + ": " +
                python_repr(path) + " (" + doing + ")");
}

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

// One write call: a reader that follows the file never sees half a row.
void write_whole(int fd, const std::string& content, const std::string& path) {
  ssize_t written;
  do written = ::write(fd, content.data(), content.size());
  while (written < 0 && errno == EINTR);
  if (written < 0) fail("writing metrics", path, errno);
  if (static_cast<std::size_t>(written) != content.size()) fail("writing metrics", path, ENOSPC);
}

class File {
 public:
  File(std::string path, int flags) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), flags | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ < 0) fail("opening it for metrics", path_, errno);
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  // Network file systems report a full disk only here.
  void close() {
    if (::close(std::exchange(fd_, -1)) != 0) fail("writing metrics", path_, errno);
  }

 private:
  std::string path_;
  int fd_;
};

}  // namespace

CsvMetricsWriter::CsvMetricsWriter(std::string path) : path_(std::move(path)) {}
CsvMetricsWriter::~CsvMetricsWriter() = default;

void CsvMetricsWriter::add(std::span<const Cell> cells, std::int64_t step) {
  Row row;
  for (const Cell& cell : cells)
    row.insert_or_assign(std::string(cell.name),
                         cell.integer ? std::to_string(static_cast<std::int64_t>(cell.value))
                                      : python_repr(cell.value));
  row.insert_or_assign("step", std::to_string(step));
  pending_.push_back(std::move(row));
}

void CsvMetricsWriter::flush() {
  if (pending_.empty()) return;
  header_is_old_ |= learn_columns();
  const bool ours = started_ && ::access(path_.c_str(), F_OK) == 0;
  const bool append_only = ours && !header_is_old_;

  std::string earlier = ours && header_is_old_ ? earlier_rows() : "";
  std::string content;
  if (!append_only) {
    append_line(content, columns_);
    content += earlier;
  }
  std::vector<std::string> cells;
  for (const Row& row : pending_) {
    cells.clear();
    for (const auto& column : columns_) {
      const auto found = row.find(column);
      cells.push_back(found == row.end() ? "" : found->second);
    }
    append_line(content, cells);
  }
  append_only ? append(content) : replace_file(content);
  started_ = true;
  header_is_old_ = false;
  pending_.clear();
}

bool CsvMetricsWriter::learn_columns() {
  const std::size_t before = columns_.size();
  for (const Row& row : pending_) {
    for (const auto& [name, text] : row) {
      const auto place = std::lower_bound(columns_.begin(), columns_.end(), name);
      if (place == columns_.end() || *place != name) columns_.insert(place, name);
    }
  }
  return columns_.size() != before;
}

// The file's rows under the columns of now. It is read back rather than kept: a long run's rows
// need not stay in memory for the rare flush that brings a new name.
std::string CsvMetricsWriter::earlier_rows() {
  std::ifstream file(path_, std::ios::binary);
  std::ostringstream buffer;
  if (!file || (file.peek() != EOF && !(buffer << file.rdbuf())))
    fail("reading back its rows", path_, errno ? errno : EIO);
  const std::string text = buffer.str();

  std::string_view rest = text;
  std::vector<std::string> header;
  take_line(rest, header);
  std::vector<std::size_t> source(columns_.size(), header.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto found = std::find(header.begin(), header.end(), columns_[i]);
    source[i] = static_cast<std::size_t>(found - header.begin());
  }
  std::string out;
  std::vector<std::string> cells, moved(columns_.size());
  while (take_line(rest, cells)) {
    for (std::size_t i = 0; i < columns_.size(); ++i)
      moved[i] = source[i] < std::min(cells.size(), header.size()) ? cells[source[i]] : "";
    append_line(out, moved);
  }
  return out;
}

void CsvMetricsWriter::replace_file(const std::string& content) const {
  const auto folder = std::filesystem::path(path_).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) fail("making the folder for metrics", folder.string(), error.value());

  const std::string temporary = path_ + ".tmp";
  try {
    File file(temporary, O_CREAT | O_TRUNC);
    write_whole(file.fd(), content, path_);
    file.close();
    if (::rename(temporary.c_str(), path_.c_str()) != 0) fail("replacing it", path_, errno);
  } catch (const OSError&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void CsvMetricsWriter::append(const std::string& content) const {
  File file(path_, O_APPEND);
  struct stat before {};
  if (::fstat(file.fd(), &before) != 0) fail("writing metrics", path_, errno);
  try {
    write_whole(file.fd(), content, path_);
  } catch (const OSError&) {
    // Take half a row back, so that the rows that stay in memory can be written again.
    (void)!::ftruncate(file.fd(), before.st_size);
    throw;
  }
  file.close();
}

}  // namespace levin
