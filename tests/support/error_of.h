#pragma once
#include <string>

#include "levin/framework/base/errors.h"

/// "ValueError: what it says", or "" if `f` throws none of levin's errors.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const levin::Error& error) {
    return std::string(error.name()) + ": " + error.what();
  }
  return "";
}
