#include "levin/framework/base/table.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "levin/framework/base/display_width.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

using Strings = std::vector<std::string>;

struct Column {
  std::string header;
  Strings cells;
};

std::string repeat(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

std::string join(const Strings& parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::vector<Column> summary_columns(const std::vector<SummaryRow>& rows, std::int64_t other_params) {
  std::vector<Column> columns = {{" ", {}},      {"Name", {}},  {"Type", {}},
                                 {"Params", {}}, {"Mode", {}},  {"FLOPs", {}}};
  const auto sized = [](const SummaryRow& row) { return !row.in_sizes.empty() || !row.out_sizes.empty(); };
  if (std::any_of(rows.begin(), rows.end(), sized)) {
    columns.push_back({"In sizes", {}});
    columns.push_back({"Out sizes", {}});
  }
  const auto add = [&](const Strings& cells) {
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].cells.push_back(cells[i]);
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SummaryRow& row = rows[i];
    add({std::to_string(i), row.name, row.type, human_readable_count(row.params),
         row.train_mode ? "train" : "eval", human_readable_count(row.flops), row.in_sizes, row.out_sizes});
  }
  if (other_params > 0)
    add({" ", "other params", "n/a", human_readable_count(other_params), "n/a", "n/a", "n/a", "n/a"});
  return columns;
}

// The loaders from `first` to `last` as one table of cells that are `width` wide.
Strings results_lines(const std::string& corner, const std::map<std::string, Strings>& rows,
                      std::size_t first, std::size_t last, int width, int columns) {
  const auto line = [&](std::string_view name, const Strings* cells) {
    std::string out = center_in_width(name, width);
    for (std::size_t i = first; i < last; ++i)
      out += center_in_width(cells ? (*cells)[i] : "DataLoader " + std::to_string(i), width);
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  const std::string rule = repeat("─", columns);
  Strings lines = {rule, line(corner, nullptr), rule};
  for (const auto& [name, cells] : rows) {
    std::string_view rest = name;
    if (display_width(rest) > columns / 2) {
      // Lightning repeats the values beside each piece of a name that is too long, but the last.
      while (display_width(rest) > columns / 2) {
        const std::string_view piece = fit_to_width(rest, columns / 2);
        lines.push_back(line(piece, &cells));
        rest.remove_prefix(piece.size());
      }
      const Strings blank(cells.size(), " ");
      lines.push_back(line(rest, &blank));
    } else {
      lines.push_back(line(rest, &cells));
    }
  }
  lines.push_back(rule);
  return lines;
}

}  // namespace

std::string human_readable_count(std::int64_t number) {
  if (number < 0) throw ValueError("A count can't be negative, got " + std::to_string(number));
  static constexpr const char* kUnits[] = {" ", "K", "M", "B", "T"};
  const double value = static_cast<double>(number);
  const int digits = number > 0 ? static_cast<int>(std::floor(std::log10(value))) + 1 : 1;
  const int groups = std::min((digits + 2) / 3, 5);
  // Python's own product of a float power, so that the cut at 100 falls where Lightning's does.
  const double scaled = value * std::pow(10.0, -3 * (groups - 1));
  const std::string unit = kUnits[groups - 1];
  if (groups == 1 || scaled >= 100)
    return python_format(static_cast<std::int64_t>(groups == 1 ? value : scaled), ",d") + " " + unit;
  return python_format(scaled, ",.1f") + " " + unit;
}

std::string summary_table(const std::vector<SummaryRow>& rows, const SummaryTotals& totals) {
  const std::vector<Column> columns = summary_columns(rows, totals.other_params);
  std::vector<int> widths;
  int total_width = 3 * (static_cast<int>(columns.size()) + 1);
  for (const Column& column : columns) {
    widths.push_back(display_width(column.header));
    for (const auto& cell : column.cells) widths.back() = std::max(widths.back(), display_width(cell));
    total_width += widths.back();
  }
  const auto line = [&](auto&& text_of) {
    Strings cells;
    for (std::size_t i = 0; i < columns.size(); ++i)
      cells.push_back(pad_to_width(text_of(columns[i]), widths[i]));
    return join(cells, " | ");
  };
  const std::string rule = repeat("-", total_width);
  Strings lines = {line([](const Column& c) { return c.header; }), rule};
  for (std::size_t row = 0; row < columns[0].cells.size(); ++row)
    lines.push_back(line([&](const Column& c) { return c.cells[row]; }));
  lines.push_back(rule);

  const auto total = [&](const std::string& value, const char* what) {
    lines.push_back(pad_to_width(value, 10) + what);
  };
  total(human_readable_count(totals.trainable_params), "Trainable params");
  total(human_readable_count(totals.total_params - totals.trainable_params), "Non-trainable params");
  total(human_readable_count(totals.total_params), "Total params");
  total(python_format(totals.model_size_mb, ",.3f"), "Total estimated model params size (MB)");
  total(std::to_string(totals.train_modules), "Modules in train mode");
  total(std::to_string(totals.eval_modules), "Modules in eval mode");
  total(human_readable_count(totals.flops), "Total Flops");
  return join(lines, "\n");
}

std::string results_table(std::string_view stage, const std::vector<LoaderResults>& loaders,
                          int columns) {
  if (columns < 4) columns = 120;
  std::map<std::string, Strings> rows;
  for (std::size_t i = 0; i < loaders.size(); ++i) {
    for (const auto& [name, value] : loaders[i]) {
      auto& cells = rows[name.substr(0, name.find("/dataloader_idx_"))];
      cells.resize(loaders.size(), " ");
      cells[i] = python_repr(value);
    }
  }
  if (rows.empty()) return "";

  int width = std::max(25, display_width("DataLoader " + std::to_string(loaders.size() - 1)));
  for (const auto& row : rows) width = std::max(width, display_width(row.first));
  width = std::min(width, columns / 2);

  std::string corner = std::string(stage) + " metric";
  corner[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(corner[0])));

  const auto per_table = static_cast<std::size_t>((columns - width) / width);
  Strings lines;
  for (std::size_t first = 0; first < loaders.size(); first += per_table) {
    const std::size_t last = std::min(first + per_table, loaders.size());
    for (auto& line : results_lines(corner, rows, first, last, width, columns))
      lines.push_back(std::move(line));
  }
  return join(lines, "\n");
}

}  // namespace levin
