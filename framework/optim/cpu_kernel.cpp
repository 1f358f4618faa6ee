#include "levin/framework/optim/cpu_kernel.h"

#include <ATen/TensorIterator.h>

namespace levin::optim {

void for_ranges_in_threads(const at::Tensor& parameter, const std::function<void(std::int64_t, std::int64_t)>& range) {
  constexpr std::int64_t grain = 32768;
  const std::int64_t count = parameter.numel();
  // An iterator over the bare memory divides it among LibTorch's threads; `at::parallel_for` would need an OpenMP of our own.
  const at::Tensor memory = parameter.detach().as_strided({count}, {1});
  const auto item = static_cast<std::int64_t>(memory.element_size());
  const auto* const base = static_cast<const char*>(memory.const_data_ptr());
  auto iterator = at::TensorIteratorConfig()
                      .set_check_mem_overlap(false)
                      .check_all_same_dtype(false)
                      .resize_outputs(false)
                      .add_output(memory)
                      .build();
  iterator.for_each([&](char** data, const std::int64_t* strides, std::int64_t size0, std::int64_t size1) {
    for (std::int64_t k = 0; k < size1; ++k) {
      const std::int64_t begin = (data[0] + k * strides[1] - base) / item;
      range(begin, begin + size0);
    }
  }, grain);
}

}  // namespace levin::optim
