#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// One logged number on its way into metrics.csv.
struct Cell {
  std::string_view name;
  double value = 0;
  bool integer = false;  ///< print `3` instead of `3.0`, as for "epoch"
};

/// Writes metrics.csv byte for byte as Lightning's `CSVLogger` does.
///
/// Columns are the sorted names of everything logged so far, "step" among them; a name that a row
/// lacks leaves an empty cell; numbers are Python's (`0.5`, `1e-07`, `nan`); lines end in "\r\n".
/// Rows gather in memory until `flush()`. A flush without new names appends with a single write, one
/// that brings new names rewrites the file under the longer header through a temporary file and a
/// rename, so a reader always finds a whole file. A file that an earlier run left at `path` is
/// replaced by the first flush that has rows. Not thread-safe.
class LEVIN_API CsvMetricsWriter {
 public:
  /// Touches nothing on disk; missing folders of `path` are made by the first flush.
  explicit CsvMetricsWriter(std::string path);
  ~CsvMetricsWriter();  ///< does not flush

  /// Adds a row. The "step" column is `step`, also when a cell has that name; of two cells with the
  /// same name the last one counts.
  void add(std::span<const Cell> cells, std::int64_t step);

  /// Writes the rows added since the last flush; without any, does nothing.
  /// OSError with the file and the system's reason; the rows then stay for the next flush, and the
  /// file is as it was before.
  void flush();

  const std::string& path() const { return path_; }

 private:
  using Row = std::map<std::string, std::string, std::less<>>;

  bool learn_columns();
  std::string earlier_rows();
  void replace_file(const std::string& content) const;
  void append(const std::string& content) const;

  std::string path_;
  std::vector<Row> pending_;
  std::vector<std::string> columns_;
  bool started_ = false;        // the file is this writer's, not an earlier run's
  bool header_is_old_ = false;  // columns_ has names that the file's header lacks
};

}  // namespace levin
