// What a step costs: each optimizer, the same by `_foreach_` operators, and LibTorch's own, interleaved; microseconds, the least of
// several rounds. bench_optimizers [THREADS]
#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>

#include "arguments.h"
#include "levin/framework/optim/optimizers.h"

namespace {

using namespace levin::optim;
using Params = std::vector<at::Tensor>;
using Any = std::shared_ptr<torch::optim::Optimizer>;
using Make = std::function<Any(Params)>;

struct Row {
  const char* name;
  Make ours, foreach, torch;
};

template <class O>
Make kind(typename O::Options options) {
  return [=](Params p) -> Any { return std::make_shared<O>(std::move(p), options); };
}
template <class O, class Options>
Make torch_kind(Options options) {
  return [=](Params p) -> Any { return std::make_shared<O>(std::move(p), options); };
}

std::vector<Row> rows() {
  namespace lib = torch::optim;
  return {
      {"SGD", kind<SGD>({.momentum = 0.9}), {}, torch_kind<lib::SGD>(lib::SGDOptions(1e-3).momentum(0.9))},
      {"Adam", kind<Adam>({}), {}, torch_kind<lib::Adam>(lib::AdamOptions())},
      {"AdamW", kind<AdamW>({}), {}, torch_kind<lib::AdamW>(lib::AdamWOptions())},
      {"Adagrad", kind<Adagrad>({}), {}, torch_kind<lib::Adagrad>(lib::AdagradOptions())},
      {"RMSprop", kind<RMSprop>({}), kind<RMSprop>({.foreach = true}), torch_kind<lib::RMSprop>(lib::RMSpropOptions())},
      {"Adadelta", kind<Adadelta>({}), kind<Adadelta>({.foreach = true}), {}},
      {"NAdam", kind<NAdam>({}), kind<NAdam>({.foreach = true}), {}},
      {"RAdam", kind<RAdam>({}), kind<RAdam>({.foreach = true}), {}},
      {"Lion", kind<Lion>({}), kind<Lion>({.foreach = true}), {}},
      {"Muon", kind<Muon>({}), {}, {}},
  };
}

struct Shape {
  const char* name;
  std::int64_t count, rows, columns;
  int steps;
};

Params parameters(const Shape& shape) {
  Params out;
  for (std::int64_t i = 0; i < shape.count; ++i) {
    out.push_back(at::ones({shape.rows, shape.columns}).requires_grad_());
    out.back().mutable_grad() = at::ones({shape.rows, shape.columns}).mul_(0.01);
  }
  return out;
}

double microseconds(torch::optim::Optimizer& optimizer, int steps) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) optimizer.step();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / steps;
}

void print(const Row& row, const Shape& shape) {
  const Make* makes[] = {&row.ours, &row.foreach, &row.torch};
  Any optimizers[3];
  double least[3];
  std::fill(std::begin(least), std::end(least), std::numeric_limits<double>::infinity());
  for (int i = 0; i < 3; ++i)
    if (*makes[i]) optimizers[i] = (*makes[i])(parameters(shape));
  for (int round = 0; round < 7; ++round)
    for (int i = 0; i < 3; ++i)
      if (optimizers[i]) least[i] = std::min(least[i], microseconds(*optimizers[i], shape.steps));
  std::printf("%-10s", row.name);
  for (const double value : least) std::isfinite(value) ? std::printf("%12.1f", value) : std::printf("%12s", "-");
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(static_cast<int>(levin::bench::count_argument(argc, argv, 1, "THREADS", at::get_num_threads())));
  for (const Shape& shape : {Shape{"4 parameters of 8 x 8", 4, 8, 8, 500}, Shape{"100 parameters of 64 x 64", 100, 64, 64, 20},
                             Shape{"4 parameters of 1024 x 1024", 4, 1024, 1024, 2}}) {
    std::printf("%s, %d threads\n%-10s%12s%12s%12s\n", shape.name, at::get_num_threads(), "us a step", "levin", "foreach", "torch::optim");
    for (const Row& row : rows()) {
      if (row.name == std::string("Muon") && shape.rows > 100) continue;  // minutes of matrix products
      print(row, shape);
    }
  }
}
