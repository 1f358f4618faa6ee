#include "levin/framework/base/inspect/tensor_text.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/inspect/element.h"
#include "levin/framework/base/python_format.h"

namespace levin {
namespace {

// PyTorch's default print options.
constexpr std::int64_t threshold = 1000, edge_items = 3;
constexpr int line_width = 80;
constexpr std::int64_t most_numbers = 100'000;

// How all numbers of a tensor (or all real, or all imaginary parts) are written.
class NumberFormat {
 public:
  NumberFormat(ElementKind kind, const std::vector<Element>& elements, double Element::* part) : kind_(kind) {
    if (kind == ElementKind::boolean || kind == ElementKind::integer) {
      for (const Element& e : elements) widen(text(e, 0));
      return;
    }
    std::vector<double> numbers;
    for (const Element& e : elements)
      if (std::isfinite(e.*part) && e.*part != 0) numbers.push_back(e.*part);
    if (numbers.empty()) return;
    double least = INFINITY, most = 0;
    for (const double x : numbers) {
      least = std::min(least, std::fabs(x)), most = std::max(most, std::fabs(x));
      whole_ = whole_ && x == std::ceil(x);
    }
    scientific_ = most / least > 1000.0 || most > 1.0e8 || least < 1.0e-4;
    for (const double x : numbers) widen(scientific_ ? python_format(x, ".4e") : python_format(x, whole_ ? ".0f" : ".4f"));
    if (whole_ && !scientific_) ++width_;
  }

  int width() const { return width_; }

  std::string padded(const Element& e, double number) const {
    const std::string out = text(e, number);
    return std::string(static_cast<std::size_t>(std::max(0, width_ - static_cast<int>(out.size()))), ' ') + out;
  }

 private:
  void widen(const std::string& text) { width_ = std::max(width_, static_cast<int>(text.size())); }

  std::string text(const Element& e, double number) const {
    if (kind_ == ElementKind::boolean) return e.integer != 0 ? "True" : "False";
    if (kind_ == ElementKind::integer)
      return e.integer < 0 ? std::to_string(static_cast<std::int64_t>(e.integer))
                           : std::to_string(static_cast<std::uint64_t>(e.integer));
    if (scientific_) return python_format(number, ".4e");
    if (!whole_) return python_format(number, ".4f");
    return python_format(number, ".0f") + (std::isfinite(number) ? "." : "");
  }

  ElementKind kind_;
  bool whole_ = true, scientific_ = false;
  int width_ = 1;
};

class Printer {
 public:
  explicit Printer(const TensorRef& tensor)
      : tensor_(tensor), kind_(element_kind(tensor.dtype)), shortened_(tensor.numel() > threshold) {
    const std::vector<Element> shown = collect();
    formats_.emplace_back(kind_, shown, &Element::real);
    if (kind_ == ElementKind::complex) formats_.emplace_back(kind_, shown, &Element::imaginary);
  }

  std::string print(int indent) const {
    return tensor_.sizes.empty() ? number(tensor_.storage_offset) : rows(0, tensor_.storage_offset, indent);
  }

 private:
  bool cut(std::size_t d) const { return shortened_ && tensor_.sizes[d] > 2 * edge_items; }

  // Calls `f` with each shown index of a dimension and, between the edges, with -1.
  void for_shown(std::size_t d, const std::function<void(std::int64_t)>& f) const {
    const std::int64_t size = tensor_.sizes[d];
    for (std::int64_t i = 0; i < size; ++i) {
      if (cut(d) && i == edge_items) f(-1), i = size - edge_items;
      f(i);
    }
  }

  std::vector<Element> collect() const {
    std::int64_t count = 1;
    for (std::size_t d = 0; d < tensor_.sizes.size(); ++d) {
      count *= cut(d) ? 2 * edge_items : tensor_.sizes[d];
      if (count > most_numbers)
        throw ValueError("too many dimensions to print: even the edges have more than 100,000 numbers");
    }
    std::vector<Element> out;
    const std::function<void(std::size_t, std::int64_t)> visit = [&](std::size_t d, std::int64_t offset) {
      if (d == tensor_.sizes.size()) return out.push_back(element(tensor_, offset));
      for_shown(d, [&](std::int64_t i) {
        if (i >= 0) visit(d + 1, offset + i * tensor_.strides[d]);
      });
    };
    visit(0, tensor_.storage_offset);
    return out;
  }

  std::string number(std::int64_t offset) const {
    const Element e = element(tensor_, offset);
    std::string out = formats_[0].padded(e, e.real);
    if (kind_ != ElementKind::complex) return out;
    std::string imaginary = formats_[1].padded(e, e.imaginary) + "j";
    imaginary.erase(0, imaginary.find_first_not_of(' '));
    return out + (imaginary[0] == '-' ? "" : "+") + imaginary;
  }

  int per_line(int indent) const {
    int width = formats_[0].width() + 2;
    if (kind_ == ElementKind::complex) width += formats_[1].width() + 1;
    return std::max(1, (line_width - indent) / width);
  }

  std::string rows(std::size_t d, std::int64_t offset, int indent) const {
    const bool innermost = d + 1 == tensor_.sizes.size();
    const std::string next_line(static_cast<std::size_t>(indent) + 1, ' ');
    const std::size_t breaks = innermost ? 1 : tensor_.sizes.size() - d - 1;
    const int columns = innermost ? per_line(indent) : 1;
    std::string out = "[";
    int at = 0;
    for_shown(d, [&](std::int64_t i) {
      if (at > 0) out += at % columns == 0 ? "," + std::string(breaks, '\n') + next_line : std::string(", ");
      ++at;
      if (i < 0) out += innermost ? " ..." : "...";
      else if (innermost) out += number(offset + i * tensor_.strides[d]);
      else out += rows(d + 1, offset + i * tensor_.strides[d], indent + 1);
    });
    return out + "]";
  }

  const TensorRef& tensor_;
  ElementKind kind_;
  bool shortened_;
  std::vector<NumberFormat> formats_;
};

// The words behind the numbers, on a new line where they do not fit.
std::string with_suffixes(std::string text, const std::vector<std::string>& suffixes, std::size_t indent) {
  std::size_t last_line = text.size() - (text.rfind('\n') == text.npos ? std::string::npos : text.rfind('\n')) + 1;
  for (const std::string& suffix : suffixes) {
    if (last_line + suffix.size() + 2 > line_width) {
      text += ",\n" + std::string(indent, ' ') + suffix;
      last_line = indent + suffix.size();
    } else {
      text += ", " + suffix;
      last_line += suffix.size() + 2;
    }
  }
  return text + ")";
}

std::string shape_tuple(const std::vector<std::int64_t>& sizes) {
  std::string out = "(";
  for (const std::int64_t size : sizes) out += (out.size() > 1 ? ", " : "") + std::to_string(size);
  return out + (sizes.size() == 1 ? ",)" : ")");
}

}  // namespace

std::string tensor_text(const TensorRef& tensor) {
  const std::string prefix = "tensor(";
  const bool empty = std::find(tensor.sizes.begin(), tensor.sizes.end(), 0) != tensor.sizes.end();
  const std::string dtype = std::string("dtype=torch.") + dtype_name(tensor.dtype);
  std::vector<std::string> suffixes;
  if (empty) {
    if (tensor.sizes.size() != 1) suffixes.push_back("size=" + shape_tuple(tensor.sizes));
    if (tensor.dtype != DType::float32) suffixes.push_back(dtype);
    return with_suffixes(prefix + "[]", suffixes, prefix.size());
  }
  const DType quiet[] = {DType::float32, DType::complex64, DType::int64, DType::bool_};
  if (std::find(std::begin(quiet), std::end(quiet), tensor.dtype) == std::end(quiet)) suffixes.push_back(dtype);
  return with_suffixes(prefix + Printer(tensor).print(static_cast<int>(prefix.size())), suffixes, prefix.size());
}

}  // namespace levin
