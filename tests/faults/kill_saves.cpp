// Kills a process that saves checkpoints in a tight loop at random times, and looks at what it left
// behind:
//   kill_saves full|link FOLDER [KILLS] [SEED]
// The child does what ModelCheckpoint does: two ranked files, `last.ckpt` as a save of its own or
// as a link, the file that drops out removed after the new one is there. Exits with 0 if nothing
// was ever broken, missing or dangling.
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/checkpoint/background_remover.h"

using namespace levin;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t elements = 5'000'000;  // 20 MB
constexpr std::size_t kept = 2;
const std::string last = "last.ckpt";

// What the child tells its parent, in memory that both see and that outlives the child.
struct Shared {
  std::atomic<std::int64_t> acknowledged{-1};  ///< the newest step whose save has returned
  std::atomic<bool> last_made{false};
};

Value checkpoint(std::int64_t step) {
  auto weights = std::make_shared<std::vector<float>>(elements, static_cast<float>(step));
  auto storage = std::make_shared<const Storage>(Storage{.dtype = DType::float32,
                                                         .nbytes = elements * sizeof(float),
                                                         .data = weights->data(),
                                                         .owner = weights});
  TensorRef tensor{.dtype = DType::float32,
                   .sizes = {static_cast<std::int64_t>(elements)},
                   .strides = {1},
                   .storage = storage};
  return Dict{{"global_step", step}, {"state_dict", Dict{{"weight", tensor}}}};
}

std::string name_of(std::int64_t step) {
  char text[64];
  std::snprintf(text, sizeof text, "epoch=0-step=%09lld.ckpt", static_cast<long long>(step));
  return text;
}

std::vector<std::string> names_in(const std::string& folder, bool temporaries) {
  std::vector<std::string> all, out;
  real_files().list(folder, all);
  for (const std::string& name : all)
    if (name.ends_with(".tmp") == temporaries) out.push_back(name);
  return out;
}

void save(const std::string& path, const Value& value) {
  save_archive(value, path);
}

[[noreturn]] void save_for_ever(const std::string& folder, bool link, std::int64_t step,
                                Shared& shared) {
  Files& files = real_files();
  BackgroundRemover remover;
  remove_stale_temporaries(files, folder);
  std::vector<std::string> ranked;
  for (const std::string& name : names_in(folder, false))
    if (name != last) ranked.push_back(name);
  for (;; ++step) {
    const Value value = checkpoint(step);
    ranked.push_back(name_of(step));
    save(folder + "/" + ranked.back(), value);
    shared.acknowledged = step;
    if (link)
      replace_symlink(files, ranked.back(), folder + "/" + last);
    else
      save(folder + "/" + last, value);
    shared.last_made = true;
    for (; ranked.size() > kept; ranked.erase(ranked.begin()))
      remover.remove(folder + "/" + ranked.front());
  }
}

// The link, or the file, as it is at this moment; not there only if it stays so while it is looked
// at.
bool last_is_there(const std::string& folder) {
  const std::string path = folder + "/" + last;
  struct stat info {};
  for (int look = 0; look < 3; ++look)
    if (::stat(path.c_str(), &info) == 0 && info.st_size > 0) return true;
  return false;
}

struct Findings {
  int unloadable = 0, dangling = 0, moments_without = 0, lost = 0, stale_left = 0, temporaries = 0;
  std::int64_t saves = 0;
  bool good() const {
    return unloadable + dangling + moments_without + lost + stale_left == 0 && saves > 0;
  }
};

// Every file in the folder, as a resume would read it; gives the newest step.
std::int64_t inspect(const std::string& folder, Findings& found) {
  std::int64_t newest = -1;
  for (const std::string& name : names_in(folder, false)) {
    const std::string path = folder + "/" + name;
    try {
      const Value read = read_archive(path);
      newest = std::max(newest, read.at("global_step").as_int());
    } catch (const FileNotFoundError&) {
      std::printf("dangling: %s\n", path.c_str());
      ++found.dangling;
    } catch (const std::exception& e) {
      std::printf("unloadable: %s\n", e.what());
      ++found.unloadable;
    }
  }
  return newest;
}

void one_kill(const std::string& folder, bool link, std::int64_t& step, Shared& shared,
              std::chrono::microseconds after, Findings& found) {
  const auto stale = names_in(folder, true);
  const pid_t child = ::fork();
  if (child < 0) std::exit(2);
  if (child == 0) save_for_ever(folder, link, step, shared);
  const auto end = Clock::now() + after;
  while (Clock::now() < end) {
    if (shared.last_made && !last_is_there(folder)) ++found.moments_without;
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFSIGNALED(status)) {
    std::printf("the child ended by itself, status %d\n", status);
    std::exit(2);
  }
  const std::int64_t newest = inspect(folder, found);
  if (newest < shared.acknowledged) ++found.lost;
  if (shared.acknowledged >= 0 && newest < 0) ++found.moments_without;
  found.temporaries += static_cast<int>(names_in(folder, true).size());
  // A child that came as far as a save has swept what earlier ones left.
  if (shared.acknowledged >= step)
    for (const std::string& name : names_in(folder, true))
      for (const std::string& old : stale) found.stale_left += name == old;
  step = std::max(newest, shared.acknowledged.load()) + 1;
}

// How long one save takes on this machine, busy as it is.
std::chrono::microseconds time_of_a_save(const std::string& folder) {
  const auto start = Clock::now();
  save(folder + "/" + last, checkpoint(0));
  const auto took = Clock::now() - start;
  real_files().unlink(folder + "/" + last);
  return std::chrono::duration_cast<std::chrono::microseconds>(took);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fputs("kill_saves full|link FOLDER [KILLS] [SEED]\n", stderr), 2;
  const bool link = std::string(arguments[1]) == "link";
  const std::string folder = arguments[2];
  const int kills = count > 3 ? std::atoi(arguments[3]) : 25;
  const unsigned seed = count > 4 ? static_cast<unsigned>(std::atoi(arguments[4])) : 1;

  Files& files = real_files();
  if (files.make_directories(folder) < 0) return 2;
  for (const bool temporaries : {false, true})
    for (const std::string& name : names_in(folder, temporaries)) files.unlink(folder + "/" + name);
  void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  Shared& shared = *new (memory) Shared;

  std::mt19937 random(seed);
  // Long enough for some saves on the average.
  const auto longest = std::max<std::int64_t>(400'000, 8 * time_of_a_save(folder).count());
  std::uniform_int_distribution<std::int64_t> delay(0, longest);
  Findings found;
  std::int64_t step = 0;
  for (int kill = 0; kill < kills; ++kill)
    one_kill(folder, link, step, shared, std::chrono::microseconds(delay(random)), found);
  found.saves = shared.acknowledged + 1;
  std::printf(
      "%s: %d kills, %lld saves; %d unloadable, %d dangling, %d moments without a loadable file, "
      "%d acknowledged saves lost; %d temporary files left by kills, %d not swept\n",
      link ? "link" : "full", kills, static_cast<long long>(found.saves), found.unloadable,
      found.dangling, found.moments_without, found.lost, found.temporaries, found.stale_left);
  for (const bool temporaries : {false, true})
    for (const std::string& name : names_in(folder, temporaries)) files.unlink(folder + "/" + name);
  ::rmdir(folder.c_str());
  return found.good() ? 0 : 1;
}
