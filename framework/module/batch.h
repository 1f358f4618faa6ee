#pragma once
#include <ATen/core/Tensor.h>

#include <any>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// What a loader yields and a step gets: one tensor, a list or a dict of batches (nestable), or anything else in a `std::any`.
///
/// `batch[0]` and `batch["image"]` are batches again and turn into the tensor they hold where one is wanted, so
/// `forward(batch[0])` works. Cheap to move; a copy copies the structure and shares the tensors. An empty batch
/// (`is_none()`) stands for Python's None: the loop skips it with a warning.
class LEVIN_API Batch {
 public:
  using List = std::vector<Batch>;
  using Dict = std::vector<std::pair<std::string, Batch>>;

  Batch() = default;
  Batch(at::Tensor tensor) : data_(std::move(tensor)) {}
  Batch(List items) : data_(std::move(items)) {}
  Batch(Dict items) : data_(std::move(items)) {}
  Batch(std::initializer_list<at::Tensor> tensors);
  /// Whatever is no tensor: strings, structs of your own. `map` leaves it alone.
  static Batch any(std::any value);

  bool is_none() const { return data_.index() == 0; }
  bool is_tensor() const { return data_.index() == 1; }
  bool is_list() const { return data_.index() == 2; }
  bool is_dict() const { return data_.index() == 3; }

  /// The tensor. A list of one tensor counts as that tensor. TypeError otherwise, saying what the batch is.
  const at::Tensor& tensor() const;
  operator const at::Tensor&() const { return tensor(); }

  /// The i-th item of a list (of a tensor batch, index 0 is the tensor itself); std::out_of_range-like ValueError otherwise.
  const Batch& operator[](std::size_t index) const;
  /// The entry of a dict; KeyError names the entries there are.
  const Batch& operator[](std::string_view key) const;
  const Batch& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  const Batch& operator[](int index) const { return (*this)[static_cast<std::size_t>(index)]; }
  bool contains(std::string_view key) const;
  /// Items of a list or dict; 1 for a tensor or any, 0 for none.
  std::size_t size() const;
  const List& list() const { return std::get<List>(data_); }
  const Dict& dict() const { return std::get<Dict>(data_); }

  /// What `Batch::any` was given. TypeError if it is no T.
  template <class T>
  const T& get() const { return std::any_cast<const T&>(std::get<std::any>(data_)); }

  /// The same structure with `fn` applied to every tensor: how a batch is moved to a device, pinned or cast.
  Batch map(const std::function<at::Tensor(const at::Tensor&)>& fn) const;
  /// Calls `fn` for every tensor, first to last.
  void for_each(const std::function<void(const at::Tensor&)>& fn) const;

  /// Rows in the batch: size(0) of its first tensor, 1 for a 0-dim tensor, 0 if there is no tensor. Lightning's rule for the
  /// weight of a mean in `log()`.
  std::int64_t batch_size() const;

  /// Which of several evaluation loaders this batch came from; 0 for a single one. The loop sets it.
  std::int64_t dataloader_idx() const { return dataloader_idx_; }
  void set_dataloader_idx(std::int64_t index) { dataloader_idx_ = index; }

 private:
  std::variant<std::monostate, at::Tensor, List, Dict, std::any> data_;
  std::int64_t dataloader_idx_ = 0;
};

}  // namespace levin
