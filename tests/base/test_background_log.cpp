// What a log's own thread owes to whoever logs: order, nothing lost at the end, and a word about a disk that is full.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/append_file.h"
#include "levin/framework/base/background_log.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;

namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Rows as "step name=value ..." lines in a file.
class TextSink : public LogSink {
 public:
  explicit TextSink(std::string path) : path_(std::move(path)) {}
  void row(std::span<const Metric> metrics, std::int64_t step, double) override {
    waiting_ += std::to_string(step);
    for (const Metric& metric : metrics) waiting_ += " " + std::string(metric.name) + "=" + std::to_string(static_cast<int>(metric.value));
    waiting_ += "\n";
  }
  void flush() override {
    if (waiting_.empty()) return;
    append_to_file(path_, waiting_);
    waiting_.clear();
  }

 private:
  std::string path_, waiting_;
};

void log_row(BackgroundLog& log, std::vector<Metric> metrics, std::int64_t step) { log.row(metrics, step); }

// The wait status of a child that does this and then `_exit`s with 99, unless it ended before.
int status_of_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    work();
    ::_exit(99);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

// The disk as one that has room for so many bytes in a file.
class SmallDisk {
 public:
  explicit SmallDisk(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit tight{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("rows and jobs reach the sink in the order they came, under their full names") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  BackgroundLog log(std::make_unique<TextSink>(path), "p-");
  log_row(log, {{"a", 1}, {"b", 2}}, 0);
  log_row(log, {{"b", 3}}, 1);
  log.post([&] { append_to_file(path + ".job", read(path) + "job\n"); });
  log_row(log, {{"a", 4}, {"c", 5}, {"a", 6}}, 2);
  log.flush();
  CHECK(read(path) == "0 p-a=1 p-b=2\n1 p-b=3\n2 p-a=4 p-c=5 p-a=6\n");
  CHECK(read(path + ".job") == "job\n");
  log.flush();
  CHECK(read(path + ".job") == "job\n");
}

TEST_CASE("rows keep to their own names and kinds of numbers, whichever came before") {
  struct Exact : LogSink {
    explicit Exact(std::string& t) : text(t) {}
    void row(std::span<const Metric> metrics, std::int64_t, double) override {
      for (const Metric& metric : metrics) text += std::string(metric.name) + (metric.integer ? ":" : "=") + std::to_string(static_cast<int>(metric.value)) + " ";
      text += "\n";
    }
    void flush() override {}
    std::string& text;
  };
  std::string text;
  BackgroundLog log(std::make_unique<Exact>(text), "p/");
  const std::vector<std::vector<Metric>> rows{
      {{"ab", 1}, {"c", 2}}, {{"a", 3}, {"bc", 4}}, {{"a", 5}, {"bc", 6, true}}, {}, {{"a", 7}, {"bc", 8}}, {{"a", 9}}, {{"ab", 10}, {"c", 11}}};
  for (int times = 0; times < 2; ++times)
    for (const auto& row : rows) log_row(log, row, 0);
  log.flush();
  const std::string once = "p/ab=1 p/c=2 \np/a=3 p/bc=4 \np/a=5 p/bc:6 \n\np/a=7 p/bc=8 \np/a=9 \np/ab=10 p/c=11 \n";
  CHECK(text == once + once);
}

TEST_CASE("a row that is given to several logs at once keeps its place in each of them") {
  const TemporaryFolder folder;
  const std::string paths[] = {folder / "0", folder / "1", folder / "2"};
  BackgroundLog plain(std::make_unique<TextSink>(paths[0])), prefixed(std::make_unique<TextSink>(paths[1]), "p-");
  {
    BackgroundLog gone(std::make_unique<TextSink>(paths[2]));
    const std::vector<Metric> row{{"a", 1}, {"b", 2}};
    log_row(plain, {{"a", 0}}, 0);
    const SharedRow shared(row, 1);
    plain.row(row, 1);
    prefixed.row(row, 1);
    plain.row(row, 1);                                                    // twice in one log
    log_row(plain, row, 1);                                               // a copy
    prefixed.row(row, 2);                                                 // another step
    prefixed.post([&] { append_to_file(paths[1], "job before its log's flush\n"); });
    for (int i = 0; i < 9; ++i) gone.row(row, 1);                         // more than fit, and then the log ends
    plain.row(row, 1);
    plain.flush();
    CHECK(read(paths[0]) == "0 a=0\n1 a=1 b=2\n1 a=1 b=2\n1 a=1 b=2\n1 a=1 b=2\n");
  }
  CHECK(read(paths[1]) == "job before its log's flush\n1 p-a=1 p-b=2\n2 p-a=1 p-b=2\n");
  const std::string text = read(paths[2]);
  CHECK(std::count(text.begin(), text.end(), '\n') == 9);
}

TEST_CASE("a log writes at its own number of rows, whatever the others of the process do") {
  struct Count : LogSink {
    Count(std::atomic<int>& r, std::atomic<int>& w) : rows(r), written(w) {}
    void row(std::span<const Metric>, std::int64_t, double) override { ++rows; }
    void flush() override {
      written = rows.load();
      written.notify_all();
    }
    std::atomic<int>& rows;
    std::atomic<int>& written;
  };
  std::atomic<int> rows[2] = {0, 0}, written[2] = {0, 0};
  BackgroundLog often(std::make_unique<Count>(rows[0], written[0]), "", 2), seldom(std::make_unique<Count>(rows[1], written[1]), "", 6);
  for (int i = 0; i < 6; ++i) {
    log_row(often, {{"a", 1}}, i);
    log_row(seldom, {{"a", 1}}, i);
    if (i % 2 == 0) continue;
    for (int seen = written[0]; seen < i + 1; seen = written[0]) written[0].wait(seen);
  }
  for (int seen = written[1]; seen < 6; seen = written[1]) written[1].wait(seen);
  CHECK(written[1] == 6);
}

TEST_CASE("no more than a thousand bigger things wait, and all are done in their order") {
  const TemporaryFolder folder;
  BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
  std::atomic<int> done = 0;
  bool in_order = true;
  int furthest = 0;
  for (int i = 0; i < 5000; ++i) {
    log.post([&, i] { in_order = in_order && done.exchange(i + 1) == i; });
    furthest = std::max(furthest, i + 1 - done.load());
  }
  log.flush();
  CHECK(done == 5000);
  CHECK(in_order);
  CHECK(furthest <= 2000);  // a thousand in line, and a thousand that are being done
}

TEST_CASE("a forked child has a writer of its own") {
  const TemporaryFolder folder;
  BackgroundLog of_parent(std::make_unique<TextSink>(folder / "parent"));
  const int status = status_of_child([&] {
    BackgroundLog log(std::make_unique<TextSink>(folder / "child"));
    log_row(log, {{"a", 1}}, 0);
    log.flush();
    if (read(folder / "child") == "0 a=1\n") std::exit(7);
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("a name's memory may be used for another name right after") {
  const TemporaryFolder folder;
  BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
  std::string name = "first";
  log_row(log, {{name, 1}}, 0);
  name = "other";
  log_row(log, {{name, 2}}, 1);
  log.flush();
  CHECK(read(folder / "log") == "0 first=1\n1 other=2\n");
}

TEST_CASE("many threads may log at once, and every row arrives") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  constexpr int threads = 4, rows = 2000;
  {
    BackgroundLog log(std::make_unique<TextSink>(path), "", /*rows_at_once=*/7);
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] { for (int i = 0; i < rows; ++i) log_row(log, {{t % 2 ? "odd" : "even", static_cast<double>(t)}}, i); });
    for (auto& thread : all) thread.join();
  }
  const std::string text = read(path);
  CHECK(std::count(text.begin(), text.end(), '\n') == threads * rows);
  std::vector<int> next(threads, 0);
  std::istringstream lines(text);
  int step, value;
  std::string name;
  while (lines >> step >> name) {
    value = std::stoi(name.substr(name.find('=') + 1));
    CHECK(step == next[static_cast<std::size_t>(value)]++);
  }
}

TEST_CASE("enough rows at once are written without a flush") {
  const TemporaryFolder folder;
  std::atomic<bool> written = false;
  struct Notice : LogSink {
    explicit Notice(std::atomic<bool>& f) : flag(f) {}
    void row(std::span<const Metric>, std::int64_t, double) override {}
    void flush() override { flag = true; flag.notify_all(); }
    std::atomic<bool>& flag;
  };
  BackgroundLog log(std::make_unique<Notice>(written), "", 3);
  for (int i = 0; i < 3; ++i) log_row(log, {{"a", 1}}, i);
  written.wait(false);
  CHECK(written);
}

TEST_CASE("a process that ends by exit or by the end of main loses no row") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  const int status = status_of_child([&] {
    auto* log = new BackgroundLog(std::make_unique<TextSink>(path));  // its destructor never runs
    for (int i = 0; i < 100; ++i) log_row(*log, {{"a", 1}}, i);
    std::exit(3);
  });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 3);
  const std::string text = read(path);
  CHECK(std::count(text.begin(), text.end(), '\n') == 100);
}

TEST_CASE("a forked child that exits does not wait for a thread it has not") {
  const TemporaryFolder folder;
  BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
  log_row(log, {{"a", 1}}, 0);
  const int status = status_of_child([] { std::exit(0); });
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  log.flush();
  CHECK(read(folder / "log") == "0 a=1\n");
}

TEST_CASE("kill -9 costs rows that were not flushed, and only whole ones are there") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  const int status = status_of_child([&] {
    BackgroundLog log(std::make_unique<TextSink>(path));
    for (int i = 0; i < 1000; ++i) log_row(log, {{"a", 1}}, i);
    log.flush();
    for (int i = 0; i < 1000; ++i) log_row(log, {{"a", 2}}, i);
    ::kill(::getpid(), SIGKILL);
  });
  CHECK(WIFSIGNALED(status));
  const std::string text = read(path);
  CHECK(std::count(text.begin(), text.end(), '\n') >= 1000);
  CHECK(text.ends_with("\n"));
}

TEST_CASE("a full disk is said once, and what was logged meanwhile is written when there is room") {
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  CapturedMessages messages;
  BackgroundLog log(std::make_unique<TextSink>(path));
  log_row(log, {{"a", 1}}, 0);
  log.flush();
  {
    const SmallDisk disk(8);
    for (int i = 1; i < 4; ++i) {
      log_row(log, {{"a", 1}}, i);
      log.flush();
    }
    CHECK(read(path) == "0 a=1\n");
    REQUIRE(messages.warnings().size() == 1);
    CHECK_THAT(messages.warnings()[0], Catch::Contains(path) && Catch::Contains("The run goes on"));
  }
  log.flush();
  CHECK(read(path) == "0 a=1\n1 a=1\n2 a=1\n3 a=1\n");
  CHECK(messages.infos() == std::vector<std::string>{"The log is written again."});
}

TEST_CASE("a disk that stays full is named as the reason at the end") {
  const TemporaryFolder folder;
  CapturedMessages messages;
  {
    const SmallDisk disk(2);
    BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
    log_row(log, {{"a", 1}}, 0);
  }
  REQUIRE(messages.texts(LogLevel::error).size() == 1);
  CHECK_THAT(messages.texts(LogLevel::error)[0], Catch::StartsWith("The last logged lines could not be written: [Errno"));
}

TEST_CASE("a job that fails is a warning, and the log goes on") {
  const TemporaryFolder folder;
  CapturedMessages messages;
  BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
  log.post([] { throw ValueError("no pixel"); });
  log_row(log, {{"a", 1}}, 0);
  log.flush();
  CHECK(messages.warnings() == std::vector<std::string>{"Something was not logged: no pixel"});
  CHECK(read(folder / "log") == "0 a=1\n");
}

TEST_CASE("signals are delivered to the program's own threads") {
  const TemporaryFolder folder;
  sigset_t before, now;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  BackgroundLog log(std::make_unique<TextSink>(folder / "log"));
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  CHECK(sigismember(&now, SIGINT) == sigismember(&before, SIGINT));
  bool blocked = false;
  log.post([&] {
    sigset_t of_writer;
    pthread_sigmask(SIG_SETMASK, nullptr, &of_writer);
    blocked = sigismember(&of_writer, SIGINT) && sigismember(&of_writer, SIGTERM);
  });
  log.flush();
  CHECK(blocked);
}
