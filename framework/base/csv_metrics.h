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
  std::size_t waiting() const { return rows_; }

 private:
  void place(std::span<const Metric> metrics);
  std::vector<std::string> names() const;
  std::string header() const;
  std::string moved(std::string_view rows, const std::vector<std::string>& before) const;
  std::string earlier_rows() const;

  std::string path_;
  std::map<std::string, const Metric*, std::less<>> columns_;  // and what the row at hand has in them
  std::string text_;                                           // the rows that wait, under the columns of now
  std::size_t rows_ = 0, columns_in_file_ = 0;
};

}  // namespace levin
