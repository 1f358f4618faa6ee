// How fast checkpoints are saved and loaded, each against the plain thing of the same size, measured
// in turn in one run:
//   bench_checkpoint [FOLDER] [MEGABYTES] [ROUNDS]
// Bars: a durable save has 0.9 x the bandwidth of write + fsync, a file is opened by mmap in under
// 10 ms, a load with a copy runs at 0.8 x memcpy, and at 0.4 x memcpy with every checksum verified.
// The copies begin with the file in the page cache and go into memory that was never touched. What an
// async save keeps the training waiting for is at most 1.3 x one memcpy of the state, both into
// memory that was used before.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "quantile.h"
#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/fresh_memory.h"
#include "levin/framework/base/files.h"
#include "levin/framework/checkpoint/async_checkpoint_io.h"

using namespace levin;

namespace {

using levin::bench::median;

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// Tensors of 16 MB each, with bytes that no file system finds zeros in.
Value checkpoint(std::size_t megabytes) {
  Dict weights;
  std::uint32_t random = 1;
  constexpr std::size_t each = std::size_t{4} << 20;
  for (std::size_t made = 0; made < megabytes; made += 16) {
    auto floats = std::make_shared<std::vector<std::uint32_t>>(each);
    for (std::uint32_t& x : *floats) x = (random = random * 1664525 + 1013904223);
    auto storage = std::make_shared<const Storage>(Storage{
        .dtype = DType::float32, .nbytes = each * 4, .data = floats->data(), .owner = floats});
    weights[std::to_string(made)] = TensorRef{.dtype = DType::float32,
                                              .sizes = {static_cast<std::int64_t>(each)},
                                              .strides = {1},
                                              .storage = storage};
  }
  return Dict{{"state_dict", weights}};
}

void write_plainly(const std::string& path, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw_os_error(errno, path);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto written = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (written < 0) throw_os_error(errno, path);
    done += static_cast<std::size_t>(written);
  }
  if (::fsync(fd) != 0) throw_os_error(errno, path);
  ::close(fd);
}

// What a load is measured against: each tensor's memory into a new block, of the same kind as the
// load's.
void copy_plainly(const Value& value) {
  std::vector<std::shared_ptr<char>> copies;
  for (const auto& [name, tensor] : value.at("state_dict").as_dict()) {
    const Storage& storage = *tensor.as_tensor().storage;
    copies.push_back(fresh_memory(storage.nbytes));
    std::memcpy(copies.back().get(), storage.data, storage.nbytes);
  }
}

// Only the time until save_checkpoint returns counts, so what comes after it is left out.
class Nowhere final : public CheckpointIO {
  void save_checkpoint(const Value&, const std::string&) override {}
};

struct Row {
  const char* what;
  const char* against;
  double bar;  ///< at least this ratio, or at most these milliseconds if `against` is empty
  std::function<void()> ours, plain;
  std::function<void()> before = [] {};
  std::vector<double> our_times, plain_times, ratios;

  void run(bool plain_first) {
    for (const bool ours_now : {!plain_first, plain_first}) {
      const auto& work = ours_now ? ours : plain;
      if (!work) continue;
      before();
      (ours_now ? our_times : plain_times).push_back(milliseconds(work));
    }
    if (plain) ratios.push_back(plain_times.back() / our_times.back());
  }
  bool print(double megabytes) const {
    const double time = median(our_times);
    if (!plain) {
      const bool met = time <= bar;
      std::printf("%-34s %8.1f ms                                       bar %5.1f ms  %s\n", what,
                  time, bar, met ? "met" : "MISSED");
      return met;
    }
    const double ratio = median(ratios);
    std::printf("%-34s %8.1f ms %5.2f GB/s  %-14s %8.1f ms  ratio %.2f  bar %.2f  %s\n", what, time,
                megabytes / 1000 / (time / 1000), against, median(plain_times), ratio, bar,
                ratio >= bar ? "met" : "MISSED");
    return ratio >= bar;
  }
};

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = bench::folder_argument(count, arguments, 1, ".");
  const auto megabytes = static_cast<std::size_t>(bench::count_argument(count, arguments, 2, "MEGABYTES", 512));
  const auto rounds = bench::count_argument(count, arguments, 3, "ROUNDS", 7);
  const std::string ours = folder + "/bench.ckpt", plain = folder + "/bench.plain";

  const Value value = checkpoint(megabytes);
  const std::string bytes = archive_bytes(value);
  std::vector<Row> rows;
  rows.push_back({"save, with fsync", "write + fsync", 0.9, [&] { save_archive(value, ours); },
                  [&] { write_plainly(plain, bytes); }, [&] {
                    ::unlink(ours.c_str());
                    ::unlink(plain.c_str());
                  }});
  rows.push_back({"open by mmap, not verified", "", 10,
                  [&] { read_archive(ours, {.verify = false}); }, {}});
  rows.push_back({"load with a copy", "memcpy", 0.8,
                  [&] { read_archive(ours, {.verify = false, .copy = true}); },
                  [&] { copy_plainly(value); }});
  rows.push_back({"load with a copy, verified", "memcpy", 0.4,
                  [&] { read_archive(ours, {.copy = true}); }, [&] { copy_plainly(value); }});

  AsyncCheckpointIO async(std::make_shared<Nowhere>());
  std::vector<char> warm(megabytes << 20);
  rows.push_back({"blocking part of an async save", "memcpy", 1 / 1.3, [&] { async.save_checkpoint(value, ours); },
                  [&] {
                    char* to = warm.data();
                    for (const auto& [name, tensor] : value.at("state_dict").as_dict()) {
                      const Storage& storage = *tensor.as_tensor().storage;
                      std::memcpy(to, storage.data, storage.nbytes);
                      to += storage.nbytes;
                    }
                  },
                  [&] { async.teardown(); }});

  bool met = true;
  std::printf("%.0f MB, medians of %lld rounds\n", static_cast<double>(bytes.size()) / 1e6, static_cast<long long>(rounds));
  for (Row& row : rows) {
    if (&row != &rows[0]) save_archive(value, ours);
    row.run(false);  // warms up
    row.our_times.clear(), row.plain_times.clear(), row.ratios.clear();
    for (std::int64_t round = 0; round < rounds; ++round) row.run(round % 2 == 0);
    met = row.print(static_cast<double>(bytes.size()) / 1e6) && met;
  }
  ::unlink(ours.c_str());
  ::unlink(plain.c_str());
  return met ? 0 : 1;
}
