#include "levin/loggers/tensorboard/event_file.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>

#include "event.pb.h"
#include "hparams.pb.h"
#include "levin/framework/base/append_file.h"
#include "levin/framework/base/clock.h"
#include "levin/framework/base/errors.h"

namespace levin::tensorboard {
namespace {

std::string host_name() {
  char text[256] = "";
  ::gethostname(text, sizeof text - 1);
  return text;
}

std::string file_name(std::string_view suffix) {
  static std::atomic<int> files = 0;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%010lld", static_cast<long long>(real_clock().wall()));
  return std::string("events.out.tfevents.") + seconds + "." + host_name() + "." + std::to_string(::getpid()) + "." +
         std::to_string(files++) + std::string(suffix);
}

// A summary with a tag, and a place for its value.
proto::Summary::Value& summary(proto::Event& event, std::string_view tag) {
  proto::Summary::Value& value = *event.mutable_summary()->add_value();
  value.set_tag(tag.data(), tag.size());
  return value;
}

void set_hparams(proto::Event& event, const char* tag, const proto::HParamsPluginData& data) {
  auto& plugin = *summary(event, tag).mutable_metadata()->mutable_plugin_data();
  plugin.set_plugin_name("hparams");
  plugin.set_content(data.SerializeAsString());
}

// As in Lightning: a bool counts as a number, and what is neither number nor text is its text.
bool is_numeric(const Value& value) { return value.is_bool() || value.is_number(); }
double number_of(const Value& value) { return value.is_bool() ? value.as_bool() : value.number(); }
std::string text_of(const Value& value) { return value.is_string() ? value.as_string() : value.repr(); }

}  // namespace

EventFile::EventFile(const std::string& folder, std::string_view suffix, std::optional<std::int64_t> purge_step)
    : path_((std::filesystem::path(folder) / file_name(suffix)).string()), row_(std::make_unique<proto::Event>()) {
  const double now = real_clock().wall();
  proto::Event begin;
  begin.set_file_version("brain.Event:2");
  begin.mutable_source_metadata()->set_writer("levin");
  add({now, {}}, begin);
  if (purge_step) {
    proto::Event session;
    session.mutable_session_log()->set_status(proto::SessionLog::START);
    add({now, purge_step}, session);
  }
  try {
    flush();
  } catch (const OSError&) {
  }
}

EventFile::~EventFile() = default;

void EventFile::add(const Stamp& at, proto::Event& event) {
  event.set_wall_time(at.wall_time);
  if (at.step) event.set_step(*at.step);
  event.SerializeToString(&scratch_);
  append_record(waiting_, scratch_);
}

void EventFile::flush() {
  if (waiting_.empty()) return;
  append_to_file(path_, waiting_);
  waiting_.clear();
}

void EventFile::row(std::span<const Metric> metrics, std::int64_t step, double wall_time) {
  auto& values = *row_->mutable_summary()->mutable_value();
  while (values.size() > static_cast<int>(metrics.size())) values.RemoveLast();
  while (values.size() < static_cast<int>(metrics.size())) values.Add();
  auto value = values.begin();
  for (const Metric& metric : metrics) {
    if (value->tag() != metric.name) value->set_tag(metric.name.data(), metric.name.size());
    value->set_simple_value(static_cast<float>(metric.value));
    ++value;
  }
  add({wall_time, step}, *row_);
}

void EventFile::scalar(const Stamp& at, std::string_view tag, double value) {
  proto::Event event;
  summary(event, tag).set_simple_value(static_cast<float>(value));
  add(at, event);
}

void EventFile::image(const Stamp& at, std::string_view tag, const Pixels& pixels) {
  proto::Event event;
  proto::Summary::Image& image = *summary(event, tag).mutable_image();
  image.set_encoded_image_string(encode_png(pixels));
  image.set_height(static_cast<std::int32_t>(pixels.height));
  image.set_width(static_cast<std::int32_t>(pixels.width));
  image.set_colorspace(static_cast<std::int32_t>(pixels.channels));
  add(at, event);
}

void EventFile::histogram(const Stamp& at, std::string_view tag, const Histogram& from) {
  proto::Event event;
  proto::HistogramProto& to = *summary(event, tag).mutable_histo();
  to.set_min(from.min);
  to.set_max(from.max);
  to.set_num(from.num);
  to.set_sum(from.sum);
  to.set_sum_squares(from.sum_squares);
  to.mutable_bucket_limit()->Add(from.limits.begin(), from.limits.end());
  to.mutable_bucket()->Add(from.counts.begin(), from.counts.end());
  add(at, event);
}

void EventFile::text(const Stamp& at, std::string_view tag, std::string_view text) {
  proto::Event event;
  proto::Summary::Value& value = summary(event, std::string(tag) + "/text_summary");
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  proto::TensorProto& tensor = *value.mutable_tensor();
  tensor.set_dtype(proto::TensorProto::DT_STRING);
  tensor.mutable_tensor_shape()->add_dim()->set_size(1);
  tensor.add_string_val(text.data(), text.size());
  add(at, event);
}

void EventFile::hparams(const Stamp& at, const Value& params, const std::vector<std::string>& metrics) {
  proto::HParamsPluginData experiment, start, end;
  for (const auto& [key, value] : params.as_dict()) {
    const std::string& name = key.as_string();
    proto::HParamValue& given = (*start.mutable_session_start_info()->mutable_hparams())[name];
    proto::HParamInfo& info = *experiment.mutable_experiment()->add_hparam_infos();
    info.set_name(name);
    info.set_type(is_numeric(value) ? proto::HParamInfo::DATA_TYPE_FLOAT64 : proto::HParamInfo::DATA_TYPE_STRING);
    if (is_numeric(value)) given.set_number_value(number_of(value));
    else given.set_string_value(text_of(value));
  }
  start.mutable_session_start_info();
  for (const std::string& metric : metrics)
    experiment.mutable_experiment()->add_metric_infos()->mutable_name()->set_tag(metric);
  end.mutable_session_end_info()->set_status(proto::SessionEndInfo::STATUS_SUCCESS);
  const std::pair<const char*, const proto::HParamsPluginData*> parts[] = {
      {"_hparams_/experiment", &experiment}, {"_hparams_/session_start_info", &start}, {"_hparams_/session_end_info", &end}};
  for (const auto& [tag, data] : parts) {
    proto::Event event;
    set_hparams(event, tag, *data);
    add(at, event);
  }
}

}  // namespace levin::tensorboard
