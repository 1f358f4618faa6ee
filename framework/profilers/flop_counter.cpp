#include "levin/framework/profilers/flop_counter.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace levin {
namespace {

thread_local FlopCounter* current = nullptr;

using Inputs = c10::ArrayRef<const c10::IValue>;
using Shape = std::vector<std::int64_t>;

Shape shape_of(const c10::IValue& value) { return value.isTensor() && value.toTensor().defined() ? value.toTensor().sizes().vec() : Shape(); }

std::int64_t product(const Shape& shape, std::size_t from = 0) {
  return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(std::min(from, shape.size())), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t matmul(const Shape& a, const Shape& b) {
  if (a.size() < 2 || b.size() < 2) return 0;
  return product(a) * b.back() * 2;
}

// For each point of the output (of the input, if transposed) the whole filter once.
std::int64_t convolution(const Shape& x, const Shape& w, const Shape& out, bool transposed) {
  return x.empty() ? 0 : product(transposed ? x : out, 2) * x[0] * product(w) * 2;
}

Shape swapped(Shape shape) {
  if (shape.size() > 1) std::swap(shape[0], shape[1]);
  return shape;
}

std::int64_t convolution_backward(Inputs in) {
  const Shape gradient = shape_of(in[0]), x = shape_of(in[1]), w = shape_of(in[2]);
  const bool transposed = in[7].toBool();
  const auto wanted = in[10].toBoolList();
  std::int64_t flops = 0;
  if (wanted[0]) flops += convolution(gradient, w, x, !transposed);
  if (wanted[1]) {
    flops += transposed ? convolution(swapped(gradient), swapped(x), swapped(w), false) : convolution(swapped(x), swapped(gradient), swapped(w), false);
  }
  return flops;
}

std::int64_t attention(const Shape& q, const Shape& k, const Shape& v) {
  if (q.size() != 4 || k.size() != 4 || v.size() != 4) return 0;
  const std::int64_t scores = q[0] * q[1] * q[2] * k[2];
  return 2 * scores * (q[3] + v[3]);
}

// Backward computes the scores once more, and four products of their kind.
std::int64_t attention_backward(const Shape& q, const Shape& k, const Shape& v) {
  if (q.size() != 4 || k.size() != 4 || v.size() != 4) return 0;
  const std::int64_t scores = q[0] * q[1] * q[2] * k[2];
  return 2 * scores * (3 * q[3] + 2 * v[3]);
}

enum class Kind : std::uint8_t { none, mm, addmm, convolution, convolution_backward, attention, attention_backward };

Kind kind_of(std::string_view name) {
  if (!name.starts_with("aten::")) return Kind::none;
  name.remove_prefix(6);
  if (name == "mm" || name == "bmm" || name == "_scaled_mm") return Kind::mm;
  if (name == "addmm" || name == "baddbmm") return Kind::addmm;
  if (name == "convolution" || name == "_convolution" || name == "convolution_overrideable") return Kind::convolution;
  if (name == "convolution_backward") return Kind::convolution_backward;
  for (const char* kernel : {"_scaled_dot_product_efficient_attention", "_scaled_dot_product_flash_attention", "_scaled_dot_product_cudnn_attention"}) {
    if (name == kernel) return Kind::attention;
    if (name.starts_with(kernel) && name.substr(std::string_view(kernel).size()) == "_backward") return Kind::attention_backward;
  }
  return Kind::none;
}

}  // namespace

struct FlopCounter::Call final : at::ObserverContext {
  std::vector<at::Tensor> inputs;
  std::int64_t flops = 0;
  bool is_convolution = false, transposed = false;
};

struct FlopCounter::Hooks {
  static std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& fn) {
    if (!current || current->inside_) return nullptr;
    const Kind kind = kind_of(fn.name());
    if (kind == Kind::none) return nullptr;
    const Inputs in = fn.inputs();
    auto call = std::make_unique<Call>();
    for (const c10::IValue& value : in)
      if (value.isTensor() && value.toTensor().defined()) call->inputs.push_back(value.toTensor());
    switch (kind) {
      case Kind::mm: call->flops = matmul(shape_of(in[0]), shape_of(in[1])); break;
      case Kind::addmm: call->flops = matmul(shape_of(in[1]), shape_of(in[2])); break;
      case Kind::convolution:
        call->is_convolution = true;
        call->transposed = in[6].toBool();
        break;
      case Kind::convolution_backward: call->flops = convolution_backward(in); break;
      case Kind::attention: call->flops = attention(shape_of(in[0]), shape_of(in[1]), shape_of(in[2])); break;
      case Kind::attention_backward: call->flops = attention_backward(shape_of(in[1]), shape_of(in[2]), shape_of(in[3])); break;
      case Kind::none: break;
    }
    current->inside_ = true;
    return call;
  }

  static void leave(const at::RecordFunction& fn, at::ObserverContext* context) {
    if (!context || !current) return;
    auto& call = static_cast<Call&>(*context);
    if (call.is_convolution && !fn.outputs().empty() && call.inputs.size() > 1) {
      call.flops = convolution(call.inputs[0].sizes().vec(), call.inputs[1].sizes().vec(), shape_of(fn.outputs()[0]), call.transposed);
    }
    current->inside_ = false;
    current->total_ += call.flops;
    if (current->listener_) current->listener_(call.inputs, call.flops);
  }
};

FlopCounter::FlopCounter(Listener listener) : listener_(std::move(listener)), outer_(current) {
  current = this;
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&Hooks::enter, &Hooks::leave).needsInputs(true).needsOutputs(true).scopes({at::RecordScope::FUNCTION}));
  if (outer_) at::disableCallback(outer_->handle_);
}

FlopCounter::~FlopCounter() {
  at::removeCallback(handle_);
  if (outer_) at::reenableCallback(outer_->handle_);
  current = outer_;
}

std::int64_t measure_flops(const std::function<at::Tensor()>& forward_fn, const std::function<at::Tensor(const at::Tensor&)>& loss_fn) {
  const FlopCounter counter;
  const at::Tensor output = forward_fn();
  if (loss_fn) loss_fn(output).backward();
  return counter.total();
}

}  // namespace levin
