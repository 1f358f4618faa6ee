#pragma once
#include <memory>

#include "levin/framework/base/export.h"

namespace levin {

/// While one lives, whole lines that are written to `std::cout`, `std::cerr` and `std::clog` come above the live line of the
/// console instead of tearing it. A line without an end waits for it, at the longest until this is destroyed. Streams that do not
/// go to a terminal are left alone. Writing from several threads is safe, as before.
class LEVIN_API TerminalStreams {
 public:
  TerminalStreams();
  ~TerminalStreams();
  TerminalStreams(const TerminalStreams&) = delete;
  TerminalStreams& operator=(const TerminalStreams&) = delete;

 private:
  class Lines;
  std::unique_ptr<Lines> out_, err_, log_;
};

}  // namespace levin
