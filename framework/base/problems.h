#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/errors.h"

/// What is wrong with options that were read: all of it at once, each thing with its place.
namespace levin {

struct LEVIN_API Problem {
  std::string place;    ///< the option's path from where reading began: "trainer.callbacks[0].init_args.mode", "" for the whole
  std::string message;  ///< what was given, what is allowed, the way out
  std::string error = "ValueError";  ///< the class of the error that it is
  std::string key = {};              ///< a key within `place` that should not be there, else ""

  /// "place: message".
  std::string text() const;
};

/// Several problems in one error; `what()` has a line for each.
class LEVIN_API OptionErrors : public ValueError {
 public:
  explicit OptionErrors(std::vector<Problem> problems);
  ~OptionErrors() override;
  const char* name() const noexcept override { return "OptionErrors"; }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// "trainer" and "max_epochs" give "trainer.max_epochs", "callbacks" and "[0]" give "callbacks[0]"; either may be empty.
LEVIN_API std::string join_place(std::string_view outer, std::string_view inner);

/// Collects what goes wrong, so that a reader gets to the end of a file before it gives up.
class LEVIN_API Problems {
 public:
  void add(Problem problem) { problems_.push_back(std::move(problem)); }
  /// Runs `f`. An error that it throws is noted at `place` (with several, each at its own place within); interrupts pass through.
  /// A number as `place` is the index of a list's item, "[index]".
  template <class Place, class F>
  void collect(const Place& place, F&& f) {
    try {
      f();
    } catch (const Error&) {
      note(place);
    }
  }
  bool empty() const { return problems_.empty(); }
  const std::vector<Problem>& all() const { return problems_; }

  /// If there are any: an OptionErrors, so that who reads the whole can say where it was.
  void throw_any() const;
  /// The same for the end of the line: places begin at `path`, and a single problem is thrown as the error that it is, "path: message".
  void throw_at(std::string_view path) const;
  /// Adds the error that is being handled.
  void note(std::string_view place);
  void note(std::size_t index);

 private:
  std::vector<Problem> problems_;
};

}  // namespace levin
