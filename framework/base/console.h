#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

/// What levin says to the user: messages to stderr, from rank 0 only. `LEVIN_LOG_LEVEL` (debug, info, warning, error; default
/// info) says how much.
namespace levin {

enum class MessageLevel : unsigned char { debug, info, warning, error };

/// "text"
LEVIN_API void rank_zero_info(std::string_view text);
/// "Warning: text"
LEVIN_API void rank_zero_warn(std::string_view text);
LEVIN_API void rank_zero_debug(std::string_view text);
/// "Error: text", from every rank.
LEVIN_API void console_error(std::string_view text);
/// The same text once per process.
LEVIN_API void warn_once(std::string_view text);
LEVIN_API void info_once(std::string_view text);
/// A line of the program's own output, to stdout, which a progress bar does not tear.
LEVIN_API void print_line(std::string_view text);

/// Which rank this process is; only rank 0 prints the messages above.
LEVIN_API void set_console_rank(int rank);

/// Something that keeps redrawing the terminal's last lines. While one is set, every message hides it, prints, and shows it.
class LEVIN_API LiveLine {
 public:
  virtual ~LiveLine();
  virtual void hide() = 0;
  virtual void show() = 0;
};
LEVIN_API void set_live_line(LiveLine* line);

/// For tests: while it lives, messages are kept here instead of printed, and nothing counts as said before.
class LEVIN_API CapturedMessages {
 public:
  CapturedMessages();
  ~CapturedMessages();
  CapturedMessages(const CapturedMessages&) = delete;
  const std::vector<std::pair<MessageLevel, std::string>>& messages() const { return messages_; }
  /// Whether a message holds this text.
  bool contains(std::string_view text) const;

 private:
  friend struct Console;
  std::vector<std::pair<MessageLevel, std::string>> messages_;
  CapturedMessages* outer_;
};

}  // namespace levin
