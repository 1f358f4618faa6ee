#include "levin/framework/precision/autocast.h"

#include <ATen/autocast_mode.h>
#include <c10/core/DefaultDtype.h>

namespace levin {

Autocast::Autocast(at::DeviceType device, at::ScalarType dtype, bool enabled, bool cache_enabled)
    : device_(device),
      dtype_before_(at::autocast::get_autocast_dtype(device)),
      enabled_before_(at::autocast::is_autocast_enabled(device)),
      cache_before_(at::autocast::is_autocast_cache_enabled()) {
  at::autocast::set_autocast_enabled(device, enabled);
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_cache_enabled(cache_enabled);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, enabled_before_);
  at::autocast::set_autocast_dtype(device_, dtype_before_);
  at::autocast::set_autocast_cache_enabled(cache_before_);
}

DefaultDtype::DefaultDtype(at::ScalarType dtype) : before_(c10::get_default_dtype_as_scalartype()) {
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(dtype));
}

DefaultDtype::~DefaultDtype() { c10::set_default_dtype(c10::scalarTypeToTypeMeta(before_)); }

}  // namespace levin
