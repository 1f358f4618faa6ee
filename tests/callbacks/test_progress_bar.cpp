// The progress bars in a Trainer, on a pseudo-terminal and elsewhere. How a line looks: tests/base/test_progress_line.cpp, test_rich_line.cpp.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <regex>
#include <thread>

#include "levin/callbacks/rich_progress_bar.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/framework/base/console.h"
#include "levin/framework/base/display_width.h"
#include "levin/framework/base/errors.h"
#include "levin/loggers/csv_logger.h"
#include "support/catch.h"
#include "support/tiny_module.h"

namespace {

using Lines = std::vector<std::string>;

// stdout as something else for as long as this lives.
class Stdout {
 public:
  explicit Stdout(int fd) : before_(::dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    ::dup2(fd, STDOUT_FILENO);
    ::close(fd);
  }
  ~Stdout() {
    std::fflush(stdout);
    ::dup2(before_, STDOUT_FILENO);
    ::close(before_);
  }

 private:
  int before_;
};

// What `work` writes to a terminal of so many columns.
std::string on_terminal(unsigned short columns, const std::function<void()>& work) {
  ::setenv("TERM", "xterm", 1);
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(::grantpt(master) == 0);
  REQUIRE(::unlockpt(master) == 0);
  const winsize size{24, columns, 0, 0};
  std::string out;
  std::thread reader;
  {
    const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
    REQUIRE(::ioctl(slave, TIOCSWINSZ, &size) == 0);
    const Stdout terminal(slave);
    reader = std::thread([&] {
      char buffer[4096];
      for (ssize_t n; (n = ::read(master, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    });
    work();
  }
  reader.join();
  ::close(master);
  return out;
}

// What `work` prints elsewhere.
Lines elsewhere(const std::function<void()>& work) {
  levin::CapturedMessages messages;
  const Stdout nowhere(::open("/dev/null", O_WRONLY));
  work();
  return messages.lines();
}

class Shown : public TinyModule {
 public:
  levin::StepOutput training_step(const levin::Batch& batch, std::int64_t) override {
    log("shown", 0.5, {.prog_bar = true});
    log("hidden", 0.25);
    if (at_step) at_step(global_step());
    return loss(batch);
  }
  levin::StepOutput test_step(const levin::Batch&, std::int64_t) override {
    log("tested", 2.0, {.prog_bar = true});
    return {};
  }
  std::function<void(std::int64_t)> at_step;
};

levin::TrainerOptions with(const std::shared_ptr<levin::Callback>& bar, std::int64_t epochs) {
  levin::TrainerOptions options{.logger = false, .max_epochs = epochs, .enable_checkpointing = false, .enable_model_summary = false};
  if (bar) options.callbacks = {bar};
  return options;
}

void fit(Shown& module, levin::TrainerOptions options, std::int64_t batches = 3) {
  levin::Trainer trainer(std::move(options));
  trainer.fit(module, {.train = tiny_data(batches), .val = tiny_data(2)});
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

TEST_CASE("elsewhere than on a terminal there is a line per epoch, and one per loader of the other loops") {
  const TemporaryFolder folder;
  Shown module;
  const auto logger = levin::make<levin::CSVLogger>({.save_dir = folder.path()});
  auto lines = elsewhere([&] {
    auto options = with(nullptr, 2);
    options.logger = logger;
    fit(module, options);
  });
  REQUIRE(lines.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    INFO(lines[i]);
    CHECK(std::regex_match(lines[i], std::regex("Epoch " + std::to_string(i) + R"(: 100%\|(?:█)+\| 3/3 \[00:0.<00:00, *[0-9.]+it/s, v_num=0, shown=0\.500\])")));
  }
  lines = elsewhere([&] {
    levin::Trainer trainer(with(nullptr, 1));
    trainer.test(module, {.dataloaders = std::vector<std::shared_ptr<levin::Loader>>{std::make_shared<levin::DataLoader>(tiny_data(2)), std::make_shared<levin::DataLoader>(tiny_data(4))}, .verbose = false});
  });
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("Testing DataLoader 0: 100%|██████████| 2/2 ["));
  CHECK(lines[1].starts_with("Testing DataLoader 1: 100%|██████████| 4/4 ["));
  CHECK(lines[1].find("tested") == std::string::npos);
  lines = elsewhere([&] { fit(module, with(levin::make<levin::RichProgressBar>({}), 2)); });
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].starts_with("Epoch 1/1  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 3/3 0:00:00 • 0:00:00 "));
  CHECK(lines[1].ends_with("it/s shown: 0.500"));
}

TEST_CASE("a bar of refresh_rate 0, one that is disabled and one of another rank print nothing") {
  Shown module;
  const auto disabled = levin::make<levin::TQDMProgressBar>({});
  disabled->disable();
  CHECK(elsewhere([&] { fit(module, with(disabled, 2)); }).empty());
  disabled->enable();
  CHECK(elsewhere([&] { fit(module, with(disabled, 2)); }).size() == 2);
  CHECK(elsewhere([&] { fit(module, with(levin::make<levin::TQDMProgressBar>({.refresh_rate = 0}), 2)); }).empty());
  CHECK(on_terminal(80, [&] { fit(module, with(levin::make<levin::RichProgressBar>({.refresh_rate = 0}), 2)); }).empty());
}

TEST_CASE("on a terminal the last epoch's line stays, above a fresh line") {
  Shown module;
  for (const bool rich : {false, true}) {
    INFO(rich);
    std::shared_ptr<levin::Callback> bar = levin::make<levin::TQDMProgressBar>({});
    if (rich) bar = levin::make<levin::RichProgressBar>({});
    const std::string out = on_terminal(60, [&] { fit(module, with(bar, 3)); });
    CHECK(out.ends_with("\r\n"));
    const std::string last = out.substr(out.rfind("\x1b[2K") + 4);
    CHECK(last.find("Epoch 2") != std::string::npos);
    CHECK(last.find("3/3") != std::string::npos);
    CHECK(levin::display_width(last.substr(0, last.find('\r'))) <= 60);
  }
}

TEST_CASE("leave lets every epoch's line stand, once") {
  struct Speaks : Shown {
    void on_train_epoch_end() override { trainer().print("between"); }
  } module;
  const std::string out = on_terminal(80, [&] { fit(module, with(levin::make<levin::TQDMProgressBar>({.leave = true}), 3)); });
  CHECK(count(out, "3/3") >= 3);
  for (int epoch = 0; epoch < 3; ++epoch) {
    // The line that ends in a new line is the full one; the terminal adds a "\r" of its own.
    const std::regex stands("Epoch " + std::to_string(epoch) + ": 100%[^\r\n]*3/3[^\r\n]*\r+\n");
    CHECK(std::distance(std::sregex_iterator(out.begin(), out.end(), stands), std::sregex_iterator()) == 1);
  }
  CHECK(count(out, "between") == 3);
}

TEST_CASE("a bar is redrawn at most ten times a second") {
  Shown module;
  const auto begin = std::chrono::steady_clock::now();
  const std::string out = on_terminal(80, [&] { fit(module, with(levin::make<levin::TQDMProgressBar>({}), 200), 5); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  // What a draw begins with; at the end and at each line that goes there is one more.
  CHECK(static_cast<double>(count(out, "\r\x1b[2K")) <= 20 * seconds + 10);
}

TEST_CASE("messages, print and std::cout come above the bar, whole") {
  Shown module;
  module.at_step = [&](std::int64_t step) {
    if (step != 1) return;
    std::cout << "from " << "cout\n";
    module.trainer().print("from print");
  };
  const std::string out = on_terminal(80, [&] { fit(module, with(levin::make<levin::TQDMProgressBar>({}), 1)); });
  for (const char* line : {"from cout", "from print"}) {
    INFO(line);
    CHECK(out.find(std::string("\x1b[2K") + line + "\r\n") != std::string::npos);
  }
}

TEST_CASE("messages of another thread come above the bar, whole") {
  Shown module;
  std::size_t said = 0;
  const std::string out = on_terminal(80, [&] {
    const std::jthread speaks([&](std::stop_token stop) {
      for (; !stop.stop_requested() || said == 0; ++said) {
        levin::print_line("from elsewhere");
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    fit(module, with(levin::make<levin::TQDMProgressBar>({.leave = true}), 50));
  });
  CHECK(count(out, "from elsewhere\r\n") == said);
}

TEST_CASE("v_num is what the loggers' versions have together") {
  const TemporaryFolder folder;
  Shown module;
  const auto shown = [&](const std::vector<levin::LoggerVersion>& versions) {
    std::vector<std::shared_ptr<levin::Logger>> loggers;
    for (const auto& version : versions)
      loggers.push_back(levin::make<levin::CSVLogger>({.save_dir = folder.path(), .name = std::to_string(loggers.size()), .version = version}));
    const auto lines = elsewhere([&] {
      auto options = with(nullptr, 1);
      options.logger = loggers;
      fit(module, options);
    });
    const std::string& line = lines.at(0);
    const auto from = line.find("v_num=");
    return from == line.npos ? "" : line.substr(from + 6, line.find(',', from) - from - 6);
  };
  CHECK(shown({std::int64_t{12}}) == "12");
  CHECK(shown({"a_long_name"}) == "name");
  CHECK(shown({std::int64_t{1}, std::int64_t{2}}) == "1_2");
  CHECK(shown({std::int64_t{3}, std::int64_t{3}}) == "3");
  CHECK(shown({std::int64_t{10}, "mine"}) == "mine");
  CHECK(shown({""}) == "");
}

TEST_CASE("after an error the line stays, the cursor is below it and std::cout is its own again") {
  Shown module;
  auto* const buffer = std::cout.rdbuf();
  module.at_step = [](std::int64_t step) { if (step == 2) throw levin::ValueError("as asked"); };
  const std::string out = on_terminal(80, [&] {
    CHECK_THROWS_AS(fit(module, with(levin::make<levin::TQDMProgressBar>({}), 1)), levin::ValueError);
    std::cout << "after\n" << std::flush;
  });
  CHECK(std::cout.rdbuf() == buffer);
  CHECK(std::regex_search(out, std::regex("Epoch 0: [^\r\n]*2/3[^\r\n]*\r+\nafter\r\n$")));
  CHECK(out.find("\x1b[?25l") == std::string::npos);
}

TEST_CASE("a class of one's own chooses the metrics") {
  class Mine : public levin::TQDMProgressBar {
   public:
    levin::Dict get_metrics(levin::Trainer& trainer, levin::LightningModule& module) override {
      levin::Dict out = levin::TQDMProgressBar::get_metrics(trainer, module);
      out.erase("v_num");
      out["mine"] = "here";
      return out;
    }
    std::string test_description() const override { return "Examining"; }
  };
  const TemporaryFolder folder;
  Shown module;
  auto lines = elsewhere([&] {
    auto options = with(std::make_shared<Mine>(), 1);
    options.logger = levin::make<levin::CSVLogger>({.save_dir = folder.path()});
    fit(module, options);
  });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with("it/s, shown=0.500, mine=here]"));
  lines = elsewhere([&] {
    levin::Trainer trainer(with(std::make_shared<Mine>(), 1));
    trainer.test(module, {.dataloaders = tiny_data(1), .verbose = false});
  });
  CHECK(lines.at(0).starts_with("Examining DataLoader 0: "));
}

TEST_CASE("styles and formats that are none are refused when the bar is made") {
  CHECK_THROWS_AS(levin::RichProgressBar({.theme = {.time = "dimm"}}), levin::ValueError);
  CHECK_THROWS_AS(levin::RichProgressBar({.theme = {.metrics_format = ".3q"}}), levin::ValueError);
}
