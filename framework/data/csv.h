#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

struct CsvOptions {
  /// Columns that become features, in this order. Empty: all but the target, in the file's order.
  std::vector<std::string> features = {};
  /// The column that becomes the target; "" for none.
  std::string target = {};
  /// "int64" for class labels (whole numbers only) or "float32".
  std::string target_dtype = "int64";
  /// Every feature is multiplied by this, such as 1.0 / 255.
  double scale = 1.0;
  /// One character, and not the quote, a space's or a line's end.
  std::string delimiter = ",";
};
template <class V>
void fields(V&& f, CsvOptions& o) {
  f("features", o.features, "columns that become features; empty: all but the target");
  f("target", o.target, "the column that becomes the target; empty for none");
  f("target_dtype", o.target_dtype, "int64 for class labels, or float32");
  f("scale", o.scale, "every feature is multiplied by this");
  f("delimiter", o.delimiter, "what stands between cells");
}

/// What a CSV file holds.
struct CsvData {
  std::vector<std::string> columns;        ///< all names of the header row
  std::vector<std::string> feature_names;  ///< of the columns of `features`
  at::Tensor features;                     ///< float32 [rows, features]
  at::Tensor target;  ///< int64 or float32 [rows]; undefined if no target was asked for
};

/// Reads a text file of numbers: a header row with the columns' names, then one row a line, cells
/// as RFC 4180 has them (double quotes around a cell, "" for a quote in it; LF or CRLF; a byte
/// order mark is passed over; blank lines at the end too). Blanks around a number don't matter.
/// Columns that are not asked for may hold any text.
///
/// Strict. FileNotFoundError; ValueError as `data/digits.csv, line 17, column 'p3': expected a
/// number, got 'abc'` (lines count from 1, header included), for rows with too few or many cells,
/// for an empty file, and for a name given twice; KeyError for an unknown column, with the nearest
/// name.
LEVIN_API CsvData read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace levin
