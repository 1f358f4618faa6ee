#include "levin/framework/tensors/rng_state.h"

#include <ATen/CPUGeneratorImpl.h>

#include <mutex>

#include "levin/framework/accelerators/cuda_backend.h"
#include "levin/framework/tensors/tensors.h"

namespace levin {

RngState RngState::capture() {
  RngState out;
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  out.cpu_ = generator.get_state();
  if (CudaBackend* cuda = loaded_cuda_backend()) out.cuda_ = cuda->generator_states();
  return out;
}

RngState RngState::seeded(std::uint64_t seed, std::uint64_t stream) {
  RngState out;
  // Steele and Vigna's mixer: neighbouring numbers give unrelated seeds.
  std::uint64_t mixed = seed + (stream + 1) * 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  out.cpu_ = at::detail::createCPUGenerator(mixed).get_state();
  out.cuda_seed_ = mixed;
  return out;
}

void RngState::restore() const {
  if (!cpu_.defined()) return;
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_state(cpu_);
  CudaBackend* cuda = loaded_cuda_backend();
  if (cuda && cuda_seed_) cuda->seed(*cuda_seed_);
  else if (cuda) cuda->set_generator_states(cuda_);
}

Value RngState::state_dict() const {
  Value out = Dict{{"cpu", to_tensor_ref(cpu_)}};
  if (cuda_.empty()) return out;
  Value all = Value::list();
  for (const at::Tensor& state : cuda_) all.push_back(to_tensor_ref(state));
  out["cuda"] = all;
  return out;
}

RngState RngState::from_state_dict(const Value& state) {
  RngState out;
  if (const Value* cpu = state.find("cpu")) out.cpu_ = to_tensor(cpu->as_tensor(), /*copy=*/true);
  if (const Value* cuda = state.find("cuda"))
    for (const Value& one : cuda->items()) out.cuda_.push_back(to_tensor(one.as_tensor(), /*copy=*/true));
  return out;
}

}  // namespace levin
