// How fast batches come, in GB/s, against memcpy: 1 M rows of 64 floats, shuffled, in batches of 256, for each number of workers; and
// the same rows from a NumPy file, and windows of 128 tokens from a raw file, both mapped.
//   bench_loader [FOLDER] [ROWS]
// Prints one line of JSON.
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "arguments.h"
#include "levin/framework/cli/cli.h"
#include "levin/framework/data/data_loader.h"
#include "levin/framework/data/npy.h"
#include "levin/framework/data/tensor_dataset.h"
#include "levin/framework/data/token_dataset.h"

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The best of three epochs, in bytes of batches a second.
double bytes_per_second(levin::DataLoader loader) {
  double best = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    loader.set_epoch(epoch);
    const double begin = now();
    loader.start();
    levin::Batch batch;
    double bytes = 0;
    while (loader.next(batch)) batch.for_each([&](const at::Tensor& tensor) { bytes += static_cast<double>(tensor.nbytes()); });
    best = std::max(best, bytes / (now() - begin));
  }
  return best;
}

double memcpy_bytes_per_second(std::size_t size) {
  const auto from = std::make_unique<char[]>(size), to = std::make_unique<char[]>(size);
  std::memset(from.get(), 1, size);
  std::memset(to.get(), 1, size);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double begin = now();
    std::memcpy(to.get(), from.get(), size);
    best = std::max(best, static_cast<double>(size) / (now() - begin));
  }
  return best;
}

void write_npy(const std::string& path, const at::Tensor& rows) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows.size(0)) + ", " + std::to_string(rows.size(1)) + "), }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8);
  const char length[] = {static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  file.write(length, 2);
  file << header;
  file.write(static_cast<const char*>(rows.const_data_ptr()), static_cast<std::streamsize>(rows.nbytes()));
}

}  // namespace

int main(int argc, char** argv) {
  return levin::run([&] {
    const std::string folder = levin::bench::folder_argument(argc, argv, 1, "/dev/shm");
    const std::int64_t count = levin::bench::count_argument(argc, argv, 2, "ROWS", 1'000'000);
    const at::Tensor rows = at::rand({count, 64});
    const double copying = memcpy_bytes_per_second(rows.nbytes());
    std::printf("{\"memcpy\": %.3f", copying / 1e9);
    const auto tell = [&](const char* name, double speed) { std::printf(", \"%s\": %.3f", name, speed / 1e9); };
    for (const auto& [name, workers] : {std::pair("no workers", 0), std::pair("1 worker", 1), std::pair("2 workers", 2)}) {
      tell(name, bytes_per_second(levin::DataLoader(levin::TensorDataset({rows}), {.batch_size = 256, .shuffle = true, .num_workers = workers})));
    }
    const std::string npy = folder + "/bench_loader.npy", raw = folder + "/bench_loader.bin";
    write_npy(npy, rows);
    tell("npy", bytes_per_second(levin::DataLoader(levin::TensorDataset({levin::load_npy(npy)}), {.batch_size = 256, .shuffle = true})));
    std::filesystem::remove(npy);
    const at::Tensor tokens = at::randint(256, {8 << 20}, at::kByte);
    std::ofstream(raw, std::ios::binary).write(static_cast<const char*>(tokens.const_data_ptr()), static_cast<std::streamsize>(tokens.nbytes()));
    tell("tokens", bytes_per_second(levin::DataLoader(levin::TokenDataset(levin::load_raw(raw, "uint8"), 128), {.batch_size = 32, .shuffle = true})));
    std::filesystem::remove(raw);
    std::printf("}\n");
  });
}
