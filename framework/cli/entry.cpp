#include <c10/util/Exception.h>

#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/cli/cli.h"

namespace levin {

int run(const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const KeyboardInterrupt& error) {
    return error.exit_code();
  } catch (const Error& error) {
    const std::string_view text = error.what();
    console_error(text.empty() ? error.name() : text);
    return error.exit_code();
  } catch (const c10::Error& error) {
    console_error(error.what_without_backtrace());
  } catch (const std::exception& error) {
    console_error(error.what());
  }
  return 1;
}

}  // namespace levin
