#include "levin/framework/module/call.h"

namespace levin {
namespace {
thread_local CallObserver* observer = nullptr;
}

CallObserver::~CallObserver() = default;
CallObserver* CallObserver::current() { return observer; }
CallObserver* CallObserver::set_current(CallObserver* next) { return std::exchange(observer, next); }

}  // namespace levin
