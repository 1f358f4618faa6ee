#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// Whether `fd` is a terminal whose lines can be rewritten: no file, no pipe, and not TERM=dumb.
LEVIN_API bool is_terminal(int fd);

/// How many columns the terminal at `fd` has now; else the environment's COLUMNS; else `fallback`.
LEVIN_API int terminal_columns(int fd, int fallback = 80);

/// The last lines of a terminal, rewritten in place: a training bar and, below it, the bar of a
/// validation. Every change is one write, so a line never shows half drawn. Between calls the cursor
/// stands behind the last line; whoever writes something else there calls `clear()` before and
/// `draw()` after. How often to draw is the caller's business. Not thread-safe.
///
/// For terminals only (`is_terminal`). A write that fails is dropped: progress is no reason to stop
/// a run.
class LEVIN_API ProgressDisplay {
 public:
  explicit ProgressDisplay(int fd);  ///< draws nothing yet; does not close `fd`
  ~ProgressDisplay();                ///< as `finish()`: the cursor ends on a fresh line
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// Puts `lines` where the lines of the last call stood, and removes those that are no more. A line
  /// has no newline and fits the terminal's width (`progress_line`), or moving up would miscount. A
  /// terminal that became narrower meanwhile has wrapped the old lines; they are found all the same.
  void draw(const std::vector<std::string>& lines);
  /// Removes the lines; the cursor stands where the first began.
  void clear();
  /// Lets the first line stand, removes the others and moves to a fresh line. Without lines, nothing.
  void finish();

 private:
  void send(std::string_view text) const;
  std::string erased() const;

  int fd_;
  std::vector<std::string> shown_;  // the cursor is behind the last
};

}  // namespace levin
