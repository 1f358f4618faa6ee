#include "levin/framework/base/launch/error_file.h"

#include <cstdlib>
#include <ctime>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/json.h"
#include "levin/framework/base/launch/error_text.h"

namespace levin {

bool write_error_file(std::string_view what, std::string_view stack) noexcept {
  ErrorText text;
  text.fill(what, stack, std::time(nullptr));
  return text.write_first();
}

bool write_error_file(const std::exception& error) noexcept {
  try {
    const std::string what = exception_name(error) + ": " + error.what();
    const char* const rank = std::getenv("RANK");
    return write_error_file(what, rank ? what + "\n(rank " + rank + ")" : what);
  } catch (...) {
    return write_error_file("an exception whose text can't be had", "");
  }
}

bool read_error_file(const std::string& path, ErrorFile& out) {
  try {
    const Value file = read_json_file(path);
    const Value& message = file.at("message");
    if (message.is_string()) {
      out = {message.as_string(), "", 0};
      return true;
    }
    const Value& extra = message.at("extraInfo");
    out.message = message.at("message").as_string();
    const Value* const stack = extra.find("py_callstack");
    const Value* const time = extra.find("timestamp");
    out.stack = stack && stack->is_string() ? stack->as_string() : "";
    out.timestamp = time && time->is_string() ? std::atoll(time->as_string().c_str()) : 0;
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace levin
