#include "levin/framework/base/console.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

namespace levin {

LiveLine::~LiveLine() = default;

/// The one place that prints. Recursive, since a live line draws under the same lock.
struct Console {
  static Console& instance() {
    static Console console;
    return console;
  }

  Console() : logger("levin", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::trace);
    const char* given = std::getenv("LEVIN_LOG_LEVEL");
    logger.set_level(spdlog::level::from_str(given && *given ? given : "info"));
  }

  void say(MessageLevel level, std::string_view text, bool every_rank, bool once) {
    const std::lock_guard lock(mutex);
    if (rank != 0 && !every_rank) return;
    if (once && !said.insert(std::string(text)).second) return;
    if (capture) {
      capture->messages_.emplace_back(level, text);
      return;
    }
    constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    const auto severity = levels[static_cast<int>(level)];
    if (!logger.should_log(severity)) return;
    if (live) live->hide();
    logger.log(severity, "{}{}", level == MessageLevel::warning ? "Warning: " : level == MessageLevel::error ? "Error: " : "", text);
    if (live) live->show();
  }

  void print(std::string_view text) {
    const std::lock_guard lock(mutex);
    if (live) live->hide();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
    if (live) live->show();
  }

  static void set_capture(CapturedMessages* captured) {
    Console& console = instance();
    const std::lock_guard lock(console.mutex);
    if (captured) {
      captured->outer_ = std::exchange(console.capture, captured);
      console.said.clear();
    } else if (console.capture) {
      console.capture = console.capture->outer_;
    }
  }

  std::recursive_mutex mutex;
  spdlog::logger logger;
  int rank = 0;
  std::set<std::string> said;
  LiveLine* live = nullptr;
  CapturedMessages* capture = nullptr;
};

void rank_zero_info(std::string_view text) { Console::instance().say(MessageLevel::info, text, false, false); }
void rank_zero_warn(std::string_view text) { Console::instance().say(MessageLevel::warning, text, false, false); }
void rank_zero_debug(std::string_view text) { Console::instance().say(MessageLevel::debug, text, false, false); }
void console_error(std::string_view text) { Console::instance().say(MessageLevel::error, text, true, false); }
void warn_once(std::string_view text) { Console::instance().say(MessageLevel::warning, text, false, true); }
void info_once(std::string_view text) { Console::instance().say(MessageLevel::info, text, false, true); }
void print_line(std::string_view text) { Console::instance().print(text); }

void set_console_rank(int rank) {
  Console& console = Console::instance();
  const std::lock_guard lock(console.mutex);
  console.rank = rank;
}

void set_live_line(LiveLine* line) {
  Console& console = Console::instance();
  const std::lock_guard lock(console.mutex);
  console.live = line;
}

CapturedMessages::CapturedMessages() { Console::set_capture(this); }
CapturedMessages::~CapturedMessages() { Console::set_capture(nullptr); }

bool CapturedMessages::contains(std::string_view text) const {
  for (const auto& [level, message] : messages_)
    if (message.find(text) != message.npos) return true;
  return false;
}

}  // namespace levin
