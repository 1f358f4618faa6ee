#include "levin/framework/module/batch.h"

#include "levin/framework/base/errors.h"

namespace levin {
namespace {
const char* kind_of(std::size_t index) {
  constexpr const char* names[] = {"nothing", "a tensor", "a list", "a dict", "a value of its own type"};
  return names[index];
}
}  // namespace

Batch::Batch(std::initializer_list<at::Tensor> tensors) {
  List items;
  items.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) items.emplace_back(tensor);
  data_ = std::move(items);
}

Batch Batch::any(std::any value) {
  Batch out;
  out.data_ = std::move(value);
  return out;
}

const at::Tensor& Batch::tensor() const {
  if (const auto* tensor = std::get_if<at::Tensor>(&data_)) return *tensor;
  if (is_list() && list().size() == 1) return list().front().tensor();
  throw TypeError(std::string("a tensor was wanted, but this batch is ") + kind_of(data_.index()) +
                  "; take an item of it: batch[0] or batch[\"name\"]");
}

const Batch& Batch::operator[](std::size_t index) const {
  if (is_tensor() && index == 0) return *this;
  if (is_list() && index < list().size()) return list()[index];
  if (is_dict() && index < dict().size()) return dict()[index].second;
  throw ValueError("batch[" + std::to_string(index) + "]: this batch is " + kind_of(data_.index()) + " with " +
                   std::to_string(size()) + " item(s)");
}

const Batch& Batch::operator[](std::string_view key) const {
  std::string names;
  if (is_dict()) {
    for (const auto& [name, item] : dict()) {
      if (name == key) return item;
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  throw KeyError("batch[\"" + std::string(key) + "\"]: this batch is " + kind_of(data_.index()) +
                 (names.empty() ? "" : " with the entries " + names));
}

bool Batch::contains(std::string_view key) const {
  if (is_dict())
    for (const auto& [name, item] : dict())
      if (name == key) return true;
  return false;
}

std::size_t Batch::size() const {
  switch (data_.index()) {
    case 0: return 0;
    case 2: return list().size();
    case 3: return dict().size();
    default: return 1;
  }
}

Batch Batch::map(const std::function<at::Tensor(const at::Tensor&)>& fn) const {
  Batch out;
  out.dataloader_idx_ = dataloader_idx_;
  if (is_tensor()) {
    out.data_ = fn(std::get<at::Tensor>(data_));
  } else if (is_list()) {
    List items;
    items.reserve(list().size());
    for (const Batch& item : list()) items.push_back(item.map(fn));
    out.data_ = std::move(items);
  } else if (is_dict()) {
    Dict items;
    items.reserve(dict().size());
    for (const auto& [name, item] : dict()) items.emplace_back(name, item.map(fn));
    out.data_ = std::move(items);
  } else {
    out.data_ = data_;
  }
  return out;
}

void Batch::for_each(const std::function<void(const at::Tensor&)>& fn) const {
  if (is_tensor()) fn(std::get<at::Tensor>(data_));
  else if (is_list()) for (const Batch& item : list()) item.for_each(fn);
  else if (is_dict()) for (const auto& [name, item] : dict()) item.for_each(fn);
}

std::int64_t Batch::batch_size() const {
  switch (data_.index()) {
    case 1: {
      const auto& tensor = std::get<at::Tensor>(data_);
      return tensor.dim() == 0 ? 1 : tensor.size(0);
    }
    case 2:
      for (const Batch& item : list())
        if (const auto rows = item.batch_size()) return rows;
      return 0;
    case 3:
      for (const auto& [name, item] : dict())
        if (const auto rows = item.batch_size()) return rows;
      return 0;
    default: return 0;
  }
}

}  // namespace levin
