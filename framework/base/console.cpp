#include "levin/framework/base/console.h"

#include "levin/framework/base/distributed/rank_zero.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

namespace levin {

// All state of the console, under one mutex. Never destroyed: a static object's destructor may still have something to say.
class Console {
 public:
  static Console& instance() {
    static Console* const console = new Console;
    return *console;
  }

  void message(LogLevel level, std::string_view text, bool every_rank, bool once = false) {
    const auto lock = this->lock();
    if (!every_rank && rank_ != 0) return;
    if (once && !said_.emplace(level, text).second) return;
    if (capture_) capture_->messages_.emplace_back(level, text);
    else if (level >= level_from_environment()) around_live_line([&] { write(level, text); });
  }

  void line(std::string_view text) {
    const auto lock = this->lock();
    if (capture_) {
      capture_->lines_.emplace_back(text);
      return;
    }
    around_live_line([&] {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fputc('\n', stdout);
      std::fflush(stdout);
    });
  }

  void set_rank(int rank, int world_size) {
    rank_ = rank;
    world_size_ = world_size;
  }
  void around(const std::function<void()>& print) {
    const auto lock = this->lock();
    around_live_line(print);
  }

  int rank() const { return rank_; }
  std::string with_rank(std::string_view text) const {
    return (world_size_ > 1 ? "[rank " + std::to_string(rank_) + "] " : "") + std::string(text);
  }

  void set_live_line(LiveLine* line) {
    const auto lock = this->lock();
    live_line_ = line;
  }

  std::unique_lock<std::recursive_mutex> lock() { return std::unique_lock(mutex_); }

  void begin_capture(CapturedMessages& capture) {
    const auto lock = this->lock();
    capture.outer_ = std::exchange(capture_, &capture);
    capture.said_before_.assign(said_.begin(), said_.end());
    said_.clear();
  }

  void end_capture(CapturedMessages& capture) {
    const auto lock = this->lock();
    capture_ = capture.outer_;
    said_ = {capture.said_before_.begin(), capture.said_before_.end()};
  }

 private:
  Console() : logger_("levin", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  }

  // A live line that itself prints while it hides or shows must not be asked to hide again.
  template <class Print>
  void around_live_line(Print&& print) {
    if (!live_line_ || moving_) return print();
    struct Moving {
      bool& flag;
      explicit Moving(bool& f) : flag(f) { flag = true; }
      ~Moving() { flag = false; }
    } moving(moving_);
    live_line_->hide();
    print();
    if (live_line_) live_line_->show();
  }

  void write(LogLevel level, std::string_view text) {
    constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                    spdlog::level::err};
    constexpr const char* prefixes[] = {"", "", "Warning: ", "Error: "};
    const auto index = static_cast<std::size_t>(level);
    logger_.log(levels[index], prefixes[index] + std::string(text));
  }

  LogLevel level_from_environment() {
    if (level_known_) return level_;
    level_known_ = true;
    const char* const given = std::getenv("LEVIN_LOG_LEVEL");
    if (!given || !*given) return level_;
    constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
    const auto found = std::find(std::begin(names), std::end(names), given);
    if (found != std::end(names)) level_ = static_cast<LogLevel>(found - std::begin(names));
    else message(LogLevel::warning, std::string("LEVIN_LOG_LEVEL: unknown level '") + given +
                                        "'; allowed are debug, info, warning and error. Using info.", false);
    return level_;
  }

  std::recursive_mutex mutex_;
  spdlog::logger logger_;
  LogLevel level_ = LogLevel::info;
  bool level_known_ = false;
  std::atomic<int> rank_ = 0, world_size_ = 1;
  LiveLine* live_line_ = nullptr;
  bool moving_ = false;  // the live line is between hide and show
  CapturedMessages* capture_ = nullptr;
  std::set<CapturedMessages::Message> said_;
};

LiveLine::~LiveLine() = default;

void rank_zero_debug(std::string_view text) { Console::instance().message(LogLevel::debug, text, false); }
void rank_zero_info(std::string_view text) { Console::instance().message(LogLevel::info, text, false); }
void rank_zero_warn(std::string_view text) { Console::instance().message(LogLevel::warning, text, false); }
void console_info(std::string_view text) { Console::instance().message(LogLevel::info, text, true); }
void console_error(std::string_view text) { Console::instance().message(LogLevel::error, Console::instance().with_rank(text), true); }
void warn_once(std::string_view text) { Console::instance().message(LogLevel::warning, text, false, true); }
void info_once(std::string_view text) { Console::instance().message(LogLevel::info, text, false, true); }
void print_line(std::string_view text) { Console::instance().line(text); }
void set_console_rank(int rank, int world_size) { Console::instance().set_rank(rank, world_size); }
void set_console_rank(int rank) { set_console_rank(rank, 1); }
void set_live_line(LiveLine* line) { Console::instance().set_live_line(line); }
void print_around_live_line(const std::function<void()>& print) { Console::instance().around(print); }
bool is_rank_zero() { return Console::instance().rank() == 0; }
std::unique_lock<std::recursive_mutex> lock_console() { return Console::instance().lock(); }

CapturedMessages::CapturedMessages() { Console::instance().begin_capture(*this); }
CapturedMessages::~CapturedMessages() { Console::instance().end_capture(*this); }

std::vector<CapturedMessages::Message> CapturedMessages::messages() const {
  const auto lock = lock_console();
  return messages_;
}

std::vector<std::string> CapturedMessages::texts(LogLevel level) const {
  const auto lock = lock_console();
  std::vector<std::string> out;
  for (const auto& [at, text] : messages_)
    if (at == level) out.push_back(text);
  return out;
}

std::vector<std::string> CapturedMessages::lines() const {
  const auto lock = lock_console();
  return lines_;
}

void CapturedMessages::clear() {
  const auto lock = lock_console();
  messages_.clear();
  lines_.clear();
}

}  // namespace levin
