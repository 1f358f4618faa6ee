#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "levin/framework/base/console.h"
#include "support/catch.h"

using namespace levin;

namespace {

using Texts = std::vector<std::string>;

// What arrives at stdout and stderr, in order, while one is alive.
class CapturedOutput {
 public:
  CapturedOutput() : file_(std::tmpfile()) {
    std::fflush(nullptr);
    for (const int fd : {1, 2}) {
      saved_[fd - 1] = dup(fd);
      dup2(fileno(file_), fd);
    }
  }
  ~CapturedOutput() {
    restore();
    std::fclose(file_);
  }

  std::string text() {
    restore();
    std::string out;
    std::rewind(file_);
    for (int c; (c = std::fgetc(file_)) != EOF;) out += static_cast<char>(c);
    return out;
  }

 private:
  void restore() {
    std::fflush(nullptr);
    for (const int fd : {1, 2}) {
      if (saved_[fd - 1] < 0) continue;
      dup2(saved_[fd - 1], fd);
      close(std::exchange(saved_[fd - 1], -1));
    }
  }
  std::FILE* file_;
  int saved_[2];
};

void put(const char* text) { std::fputs(text, stderr); }

struct Bar : LiveLine {
  void hide() override { put("<"); }
  void show() override { put(">\n"); }
};

struct TalkativeBar : LiveLine {
  void hide() override { rank_zero_info("hiding"); }
  void show() override {
    rank_zero_info("showing");
    set_live_line(nullptr);
  }
};

// Says everything in a process of its own with the given LEVIN_LOG_LEVEL, because the level is read once.
std::string said_at(const std::string& level) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command = "LEVIN_LOG_LEVEL=" + level + " '" + self + "' 'says a word at every level' 2>&1 >/dev/null";
  std::FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string out;
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  REQUIRE(pclose(pipe) == 0);
  return out;
}

}  // namespace

TEST_CASE("says a word at every level", "[.]") {
  rank_zero_debug("d");
  rank_zero_info("i");
  rank_zero_warn("w");
  console_error("e");
}

TEST_CASE("LEVIN_LOG_LEVEL says from which level on messages are printed") {
  CHECK(said_at("debug") == "d\ni\nWarning: w\nError: e\n");
  CHECK(said_at("info") == "i\nWarning: w\nError: e\n");
  CHECK(said_at("warning") == "Warning: w\nError: e\n");
  CHECK(said_at("error") == "Error: e\n");
  CHECK(said_at("") == said_at("info"));
  const std::string complaint =
      "Warning: LEVIN_LOG_LEVEL: unknown level 'loud'; allowed are debug, info, warning and error. Using info.\n";
  CHECK(said_at("loud") == complaint + said_at("info"));
}

TEST_CASE("messages are plain lines, braces and percents included") {
  CapturedOutput output;
  rank_zero_warn("a {} b %s %v");
  console_error("two\nlines");
  print_line("mine");
  print_line("");
  CHECK(output.text() == "Warning: a {} b %s %v\nError: two\nlines\nmine\n\n");
}

TEST_CASE("every message hides the live line, prints, and shows it again") {
  Bar bar;
  CapturedOutput output;
  set_live_line(&bar);
  rank_zero_warn("w");
  print_line("mine");
  set_live_line(nullptr);
  rank_zero_warn("after");
  CHECK(output.text() == "<Warning: w\n>\n<mine\n>\nWarning: after\n");
}

TEST_CASE("a live line is not touched for a message that is not printed") {
  Bar bar;
  CapturedOutput output;
  set_live_line(&bar);
  set_console_rank(1);
  rank_zero_warn("not from here");
  set_console_rank(0);
  warn_once("a live line is not touched");
  warn_once("a live line is not touched");
  {
    CapturedMessages captured;
    rank_zero_warn("kept");
    print_line("kept");
  }
  set_live_line(nullptr);
  CHECK(output.text() == "<Warning: a live line is not touched\n>\n");
}

TEST_CASE("a live line may itself print and take itself away") {
  TalkativeBar bar;
  CapturedOutput output;
  set_live_line(&bar);
  console_error("e");
  console_error("f");
  CHECK(output.text() == "hiding\nError: e\nshowing\nError: f\n");
}

TEST_CASE("the holder of the console's lock may print") {
  CapturedMessages captured;
  const auto lock = lock_console();
  rank_zero_info("x");
  CHECK(captured.infos() == Texts{"x"});
}

TEST_CASE("captured messages keep level, text and order") {
  CapturedMessages captured;
  rank_zero_debug("d");
  rank_zero_info("i");
  rank_zero_warn("w");
  console_error("e");
  print_line("mine");
  CHECK(captured.messages() == std::vector<CapturedMessages::Message>{
                                   {LogLevel::debug, "d"}, {LogLevel::info, "i"}, {LogLevel::warning, "w"}, {LogLevel::error, "e"}});
  CHECK(captured.warnings() == Texts{"w"});
  CHECK(captured.lines() == Texts{"mine"});
  captured.clear();
  CHECK(captured.messages().empty());
  CHECK(captured.lines().empty());
}

TEST_CASE("only rank 0 speaks, but for errors, the user's lines and what any rank may say") {
  CapturedMessages captured;
  set_console_rank(3);
  rank_zero_debug("d");
  rank_zero_info("i");
  rank_zero_warn("w");
  warn_once("o");
  console_error("e");
  console_info("any");
  print_line("mine");
  set_console_rank(0);
  CHECK(captured.messages() == std::vector<CapturedMessages::Message>{{LogLevel::error, "e"}, {LogLevel::info, "any"}});
  CHECK(captured.lines() == Texts{"mine"});
  warn_once("o");  // not said yet
  CHECK(captured.warnings() == Texts{"o"});
}

TEST_CASE("a text is said once, as a warning and as information apart") {
  CapturedMessages captured;
  for (int i = 0; i < 3; ++i) {
    warn_once("a");
    info_once("a");
    warn_once("b");
    rank_zero_warn("c");
  }
  CHECK(captured.warnings() == Texts{"a", "b", "c", "c", "c"});
  CHECK(captured.infos() == Texts{"a"});
}

TEST_CASE("captures nest, and each starts with nothing said") {
  CapturedMessages outer;
  warn_once("a");
  {
    CapturedMessages inner;
    warn_once("a");
    warn_once("b");
    CHECK(inner.warnings() == Texts{"a", "b"});
  }
  warn_once("a");
  warn_once("b");
  CHECK(outer.warnings() == Texts{"a", "b"});
}

TEST_CASE("threads say a text once between them, and tear no line") {
  CapturedOutput output;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) {
          warn_once("once between threads");
          print_line("0123456789");
          console_error("0123456789");
        }
      });
  }
  std::istringstream lines(output.text());
  int once = 0, out = 0, errors = 0, other = 0;
  for (std::string line; std::getline(lines, line);)
    ++(line == "Warning: once between threads" ? once : line == "0123456789" ? out : line == "Error: 0123456789" ? errors : other);
  CHECK(once == 1);
  CHECK(out == 1600);
  CHECK(errors == 1600);
  CHECK(other == 0);
}
