#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "levin/framework/base/export.h"

/// What the framework says to the person in front of it. Messages are lines on stderr, one write each: information and debug
/// text as it is, "Warning: text" and "Error: text". Every function here may be called from any thread, at any time.
///
/// The environment variable LEVIN_LOG_LEVEL (`debug`, `info`, `warning` or `error`; default `info`) says from which level on
/// messages are printed. It is read once, at the first message; any other text is warned about and counts as `info`.
namespace levin {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Printed by rank 0 only, so that a run of eight processes speaks with one voice.
LEVIN_API void rank_zero_debug(std::string_view text);
LEVIN_API void rank_zero_info(std::string_view text);
LEVIN_API void rank_zero_warn(std::string_view text);
/// Printed by every rank that calls it; an error with the rank's number if there are several.
LEVIN_API void console_info(std::string_view text);
LEVIN_API void console_error(std::string_view text);

/// `rank_zero_warn` and `rank_zero_info`, each text once in the life of the process. The two remember texts apart.
LEVIN_API void warn_once(std::string_view text);
LEVIN_API void info_once(std::string_view text);

/// A line of the user's own output on stdout, from every rank and at every level; a newline is added. Unlike a bare
/// `std::cout` it does not tear a progress bar.
LEVIN_API void print_line(std::string_view text);

/// This process's global rank; 0 until someone says otherwise.
LEVIN_API void set_console_rank(int rank);
/// Whether this process is the one that speaks, and that logs.
LEVIN_API bool is_rank_zero();

/// A line that is redrawn in place at the bottom of the terminal, such as a progress bar.
class LEVIN_API LiveLine {
 public:
  virtual ~LiveLine();
  /// Wipes the line from the terminal, so that a message can stand in its place.
  virtual void hide() = 0;
  /// Draws the line again, below the message.
  virtual void show() = 0;
};

/// Registers the one live line: from now on every message hides it, prints, and shows it again. nullptr takes it away; the
/// owner must do so before the line dies. Neither hides nor shows anything by itself. A message from within `hide` or `show`
/// is printed where it comes.
LEVIN_API void set_live_line(LiveLine* line);

/// Lets `print` write to the terminal as a message does: the live line is hidden before and shown after it.
LEVIN_API void print_around_live_line(const std::function<void()>& print);

/// Keeps messages of other threads away while the live line redraws itself. The holder may print and register meanwhile.
[[nodiscard]] LEVIN_API std::unique_lock<std::recursive_mutex> lock_console();

/// For tests: while one is alive messages are recorded and not printed, whatever LEVIN_LOG_LEVEL says (the rank still counts).
/// It starts with nothing said before, so `warn_once` and `info_once` speak again; at its end their former memory comes back.
/// Captures nest: the innermost one records.
class LEVIN_API CapturedMessages {
 public:
  using Message = std::pair<LogLevel, std::string>;

  CapturedMessages();
  ~CapturedMessages();
  CapturedMessages(const CapturedMessages&) = delete;
  CapturedMessages& operator=(const CapturedMessages&) = delete;

  /// In the order they came, without "Warning: ".
  std::vector<Message> messages() const;
  /// The texts of one level.
  std::vector<std::string> texts(LogLevel level) const;
  std::vector<std::string> warnings() const { return texts(LogLevel::warning); }
  std::vector<std::string> infos() const { return texts(LogLevel::info); }
  /// What `print_line` was given.
  std::vector<std::string> lines() const;
  void clear();

 private:
  friend class Console;
  std::vector<Message> messages_;
  std::vector<std::string> lines_;
  std::vector<Message> said_before_;
  CapturedMessages* outer_;
};

}  // namespace levin
