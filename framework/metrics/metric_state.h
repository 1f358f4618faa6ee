#pragma once
#include "levin/framework/metrics/metric.h"

namespace levin::metrics {

/// One state: a tensor or a list, which is a member of the metric.
struct Metric::State {
  std::string name;
  at::Tensor* tensor;                ///< null for a list
  std::vector<at::Tensor>* list;     ///< null for a tensor
  at::Tensor default_value;          ///< undefined for a list
  DistReduceFx reduce;
  bool persistent;
};

}  // namespace levin::metrics
