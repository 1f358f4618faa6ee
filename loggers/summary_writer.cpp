#include "levin/loggers/summary_writer.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <filesystem>

#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"
#include "levin/loggers/tensorboard/event_file.h"

namespace levin {
namespace {

using tensorboard::EventFile;
using tensorboard::Stamp;

std::string shape_text(const at::Tensor& tensor) {
  std::string out = "[";
  for (const std::int64_t n : tensor.sizes()) out += (out.size() > 1 ? ", " : "") + std::to_string(n);
  return out + "]";
}

// The tensor with its dimensions in the order of `wanted`; both name each dimension by a letter.
at::Tensor arranged(const at::Tensor& tensor, std::string formats, std::string_view wanted) {
  for (char& c : formats) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string sorted = formats, sorted_wanted(wanted);
  std::sort(sorted.begin(), sorted.end());
  std::sort(sorted_wanted.begin(), sorted_wanted.end());
  if (sorted != sorted_wanted)
    throw ValueError("dataformats: expected the letters of '" + std::string(wanted) + "' in some order, got '" + formats + "'");
  if (tensor.dim() != static_cast<std::int64_t>(formats.size()))
    throw ValueError("size of input tensor and input format are different. tensor shape: " + shape_text(tensor) + ", input_format: " + formats);
  std::vector<std::int64_t> order;
  for (const char c : wanted) order.push_back(static_cast<std::int64_t>(formats.find(c)));
  return tensor.permute(order);
}

// Height, width, channels in 8 bits, as a copy on the CPU.
tensorboard::Pixels pixels_of(const at::Tensor& hwc) {
  at::Tensor bytes = hwc.detach().to(at::kCPU);
  if (bytes.scalar_type() != at::kByte) bytes = (bytes.to(at::kFloat) * 255).clamp(0, 255).to(at::kByte);
  if (bytes.size(2) == 1) bytes = at::cat({bytes, bytes, bytes}, 2);
  bytes = bytes.contiguous();
  if (bytes.size(2) != 3 && bytes.size(2) != 4)
    throw ValueError("an image has 1, 3 or 4 channels, not " + std::to_string(bytes.size(2)));
  if (bytes.numel() == 0) throw ValueError("an image needs at least one pixel, and this one has the shape " + shape_text(hwc));
  return {bytes.size(0), bytes.size(1), bytes.size(2),
          std::string(static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel()))};
}

// As in torch: eight in a row, and black where there is none.
at::Tensor grid(at::Tensor nchw) {
  if (nchw.size(1) == 1) nchw = at::cat({nchw, nchw, nchw}, 1);
  if (nchw.size(1) != 3) throw ValueError("add_images: expected 1 or 3 channels, got " + std::to_string(nchw.size(1)));
  const std::int64_t n = nchw.size(0), h = nchw.size(2), w = nchw.size(3);
  if (nchw.numel() == 0) throw ValueError("add_images: there is no image in a tensor of shape " + shape_text(nchw));
  const std::int64_t columns = std::min<std::int64_t>(n, 8), rows = (n + columns - 1) / columns;
  const at::Tensor canvas = at::zeros({3, h * rows, w * columns}, nchw.options());
  for (std::int64_t i = 0; i < n; ++i)
    canvas.narrow(1, i / columns * h, h).narrow(2, i % columns * w, w).copy_(nchw.select(0, i));
  return canvas.permute({1, 2, 0});
}

// Nested dicts as "a/b", and so with dicts in a list ("a/0/b").
void flatten(const Value& value, const std::string& name, Dict& out) {
  const auto below = [&](const std::string& part) { return name.empty() ? part : name + "/" + part; };
  const auto all_dicts = [](const List& items) { return std::all_of(items.begin(), items.end(), [](const Value& v) { return v.is_dict(); }); };
  if (value.is_dict()) {
    for (const auto& [key, item] : value.as_dict()) flatten(item, below(key.is_string() ? key.as_string() : key.repr()), out);
  } else if (value.is_list() && all_dicts(value.items())) {
    for (std::size_t i = 0; i < value.size(); ++i) flatten(value.items()[i], below(std::to_string(i)), out);
  } else {
    out.set(name, value);
  }
}

Stamp stamp(SummaryWriter::Step step, std::optional<double> walltime) { return {walltime ? *walltime : real_clock().wall(), step}; }

// Gives `add` the file on the log's thread.
template <class Target, class F>
void post(const Target& target, F add) {
  if (target.log) target.log->post([file = target.file, add = std::move(add)] { add(*file); });
}

}  // namespace

SummaryWriter::SummaryWriter(std::string log_dir, BackgroundLog* log, EventFile* file) : log_dir_(std::move(log_dir)), main_{log, file} {}
SummaryWriter::~SummaryWriter() = default;

void SummaryWriter::add_scalar(std::string_view tag, double value, Step step, std::optional<double> walltime) {
  post(main_, [at = stamp(step, walltime), tag = std::string(tag), value](EventFile& file) { file.scalar(at, tag, value); });
}

void SummaryWriter::add_scalars(std::string_view main_tag, const std::vector<std::pair<std::string, double>>& values, Step step,
                                std::optional<double> walltime) {
  if (!main_.log) return;
  std::string folder(main_tag);
  std::replace(folder.begin(), folder.end(), '/', '_');
  for (const auto& [tag, value] : values) {
    post(curve(log_dir_ + "/" + folder + "_" + tag), [at = stamp(step, walltime), tag = std::string(main_tag), value = value](EventFile& file) {
      file.scalar(at, tag, value);
    });
  }
}

SummaryWriter::Target SummaryWriter::curve(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  auto& [log, file] = curves_[folder];
  if (!log) {
    auto sink = std::make_unique<EventFile>(folder);
    file = sink.get();
    log = std::make_unique<BackgroundLog>(std::move(sink));
  }
  return {log.get(), file};
}

void SummaryWriter::add_image(std::string_view tag, const at::Tensor& image, Step step, std::optional<double> walltime,
                              std::string_view dataformats) {
  at::Tensor hwc = dataformats.size() == 2 ? arranged(image, std::string(dataformats), "HW").unsqueeze(2)
                                           : arranged(image, std::string(dataformats), "HWC");
  post(main_, [at = stamp(step, walltime), tag = std::string(tag), pixels = pixels_of(hwc)](EventFile& file) { file.image(at, tag, pixels); });
}

void SummaryWriter::add_images(std::string_view tag, const at::Tensor& images, Step step, std::optional<double> walltime,
                               std::string_view dataformats) {
  const at::Tensor hwc = grid(arranged(images, std::string(dataformats), "NCHW"));
  post(main_, [at = stamp(step, walltime), tag = std::string(tag), pixels = pixels_of(hwc)](EventFile& file) { file.image(at, tag, pixels); });
}

void SummaryWriter::add_histogram(std::string_view tag, const at::Tensor& values, Step step, std::optional<double> walltime) {
  if (values.numel() == 0) throw ValueError("The input has no element.");
  const at::Tensor numbers = values.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* first = numbers.const_data_ptr<double>();
  post(main_, [at = stamp(step, walltime), tag = std::string(tag), copy = std::vector<double>(first, first + numbers.numel())](EventFile& file) {
    file.histogram(at, tag, tensorboard::make_histogram(copy));
  });
}

void SummaryWriter::add_text(std::string_view tag, std::string_view text, Step step, std::optional<double> walltime) {
  post(main_, [at = stamp(step, walltime), tag = std::string(tag), text = std::string(text)](EventFile& file) { file.text(at, tag, text); });
}

void SummaryWriter::add_hparams(const Value& hparam_dict, const std::vector<std::string>& metrics, Step step) {
  Dict flat;
  flatten(hparam_dict, "", flat);
  post(main_, [at = stamp(step, {}), flat = Value(std::move(flat)), metrics](EventFile& file) { file.hparams(at, flat, metrics); });
}

void SummaryWriter::flush() {
  if (main_.log) main_.log->flush();
  const std::lock_guard lock(mutex_);
  for (auto& [folder, curve] : curves_) curve.first->flush();
}

}  // namespace levin
