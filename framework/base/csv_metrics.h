#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "levin/framework/base/export.h"
#include "levin/framework/base/metric.h"

namespace levin {

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

  /// Adds a row. The "step" column is `step`, also when a metric has that name; of two metrics with
  /// the same name the last one counts.
  void add(std::span<const Metric> metrics, std::int64_t step);

  /// Writes the rows added since the last flush; without any, does nothing.
  /// OSError with the file and the system's reason; the rows then stay for the next flush, and the
  /// file is as it was before.
  void flush();

  const std::string& path() const { return path_; }
  /// Rows that wait for a flush.
  std::size_t waiting() const { return rows_.size(); }

 private:
  struct Cell {
    std::size_t column;
    double value;
    bool integer;
  };
  struct Row {
    std::int64_t step;
    std::size_t end;  // its cells begin where those of the row before end
  };

  std::size_t column(std::string_view name);
  std::string header() const;
  std::string new_rows() const;
  std::string earlier_rows() const;

  std::string path_;
  std::map<std::string, std::size_t, std::less<>> columns_{{"step", 0}};  // in the order of first sight
  std::vector<Row> rows_;
  std::vector<Cell> cells_;
  std::size_t columns_in_file_ = 0;
};

}  // namespace levin
