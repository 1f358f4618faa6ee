#include <charconv>
#include <cmath>
#include <limits>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/element.h"
#include "levin/framework/base/inspect/tensor_text.h"
#include "levin/framework/base/python_format.h"
#include "levin/framework/base/tensor_elements.h"

namespace levin {
namespace {

// What is narrower than a double prints as a float does: 0.1 and not 0.10000000149011612.
std::string number_text(DType dtype, const Element& element) {
  switch (element_kind(dtype)) {
    case ElementKind::boolean: return element.integer != 0 ? "True" : "False";
    case ElementKind::integer:
      return element.integer < 0 ? std::to_string(static_cast<std::int64_t>(element.integer))
                                 : std::to_string(static_cast<std::uint64_t>(element.integer));
    default: break;
  }
  if (dtype == DType::float64) return python_repr(element.real);
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(element.real));
  double shortest = 0;
  std::from_chars(buffer, end.ptr, shortest);
  return python_repr(shortest);
}

// Welford's running mean and sum of squares: one pass, no cancellation.
class Moments {
 public:
  void add(double x) {
    ++count_;
    const double delta = x - mean_;
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (x - mean_);
  }
  std::int64_t count() const { return count_; }
  double mean() const { return count_ > 0 ? mean_ : std::nan(""); }
  double deviation() const { return count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : std::nan(""); }

 private:
  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

}  // namespace

TensorStatistics tensor_statistics(const TensorRef& tensor) {
  if (!is_walkable(tensor))
    throw ValueError("the tensor is an expanded view with far more elements than its storage; its elements are not looked at");
  TensorStatistics out;
  const ElementKind kind = element_kind(tensor.dtype);
  const bool exact = kind == ElementKind::integer || kind == ElementKind::boolean;
  Moments moments;
  Element least, most;
  out.elements = tensor.numel();
  for_each_element(tensor, [&](std::int64_t offset) {
    const Element e = element(tensor, offset);
    if (std::isnan(e.real) || std::isnan(e.imaginary)) return void(++out.nans);
    if (std::isinf(e.real) || std::isinf(e.imaginary)) return void(++out.infinities);
    if (e.real == 0 && e.imaginary == 0) ++out.zeros;
    const bool first = moments.count() == 0;
    if (first || (exact ? e.integer < least.integer : e.real < least.real)) least = e;
    if (first || (exact ? e.integer > most.integer : e.real > most.real)) most = e;
    moments.add(e.real);
  });
  const bool ordered = kind != ElementKind::complex && moments.count() > 0;
  if (ordered) out.min = number_text(tensor.dtype, least), out.max = number_text(tensor.dtype, most);
  out.mean = kind == ElementKind::complex ? std::nan("") : moments.mean();
  out.standard_deviation = kind == ElementKind::complex ? std::nan("") : moments.deviation();
  return out;
}

}  // namespace levin
