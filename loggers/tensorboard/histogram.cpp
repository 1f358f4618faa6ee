#include <algorithm>
#include <numeric>

#include "levin/framework/base/errors.h"
#include "levin/loggers/tensorboard/event_file.h"

namespace levin::tensorboard {
namespace {

// The same doubles as in torch: each is the one before times 1.1.
const std::vector<double>& edges() {
  static const std::vector<double> all = [] {
    std::vector<double> positive;
    for (double edge = 1e-12; edge < 1e20; edge *= 1.1) positive.push_back(edge);
    std::vector<double> out;
    for (auto edge = positive.rbegin(); edge != positive.rend(); ++edge) out.push_back(-*edge);
    out.push_back(0);
    out.insert(out.end(), positive.begin(), positive.end());
    return out;
  }();
  return all;
}

// As numpy.histogram: a bucket has its left end but not its right one; the last has both.
std::vector<double> count(const std::vector<double>& values) {
  const auto& all = edges();
  std::vector<double> counts(all.size() - 1);
  for (const double value : values) {
    if (!(value >= all.front() && value <= all.back())) continue;
    const auto right = std::upper_bound(all.begin(), all.end(), value);
    const auto bucket = static_cast<std::size_t>(right - all.begin()) - 1;
    ++counts[std::min(bucket, counts.size() - 1)];
  }
  return counts;
}

}  // namespace

Histogram make_histogram(std::vector<double> values) {
  if (values.empty()) throw ValueError("The input has no element.");
  const std::vector<double> counts = count(values);
  const auto used = [](double n) { return n > 0; };
  const auto first = std::find_if(counts.begin(), counts.end(), used);
  if (first == counts.end()) throw ValueError("add_histogram: no value is a number between -1e20 and 1e20");
  const auto last = std::find_if(counts.rbegin(), counts.rend(), used).base();

  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  Histogram out{*min, *max, static_cast<double>(values.size()), std::accumulate(values.begin(), values.end(), 0.0),
                std::inner_product(values.begin(), values.end(), values.begin(), 0.0), {}, {}};
  // TensorBoard knows right ends only, so an empty bucket in front stands for the left end of the first.
  const auto start = first - counts.begin(), end = last - counts.begin();
  out.limits.assign(edges().begin() + start, edges().begin() + end + 1);
  out.counts.push_back(0);
  out.counts.insert(out.counts.end(), first, last);
  return out;
}

}  // namespace levin::tensorboard
