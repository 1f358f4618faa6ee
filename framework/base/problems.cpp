#include "levin/framework/base/problems.h"

namespace levin {
namespace {

std::string lines(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += (out.empty() ? "" : "\n") + problem.text();
  return out;
}

template <class... Classes>
void throw_named(const Problem& problem) {
  const auto try_one = [&]<class E>(E* /*class*/, const char* name) {
    if (problem.error == name) throw E(problem.text());
  };
  (try_one(static_cast<Classes*>(nullptr), Classes("").name()), ...);
  throw ValueError(problem.text());
}

}  // namespace

std::string Problem::text() const { return place.empty() ? message : place + ": " + message; }

OptionErrors::OptionErrors(std::vector<Problem> problems) : ValueError(lines(problems)), problems_(std::move(problems)) {}
OptionErrors::~OptionErrors() = default;

std::string join_place(std::string_view outer, std::string_view inner) {
  const bool dot = !outer.empty() && !inner.empty() && inner.front() != '[';
  return std::string(outer) + (dot ? "." : "") + std::string(inner);
}

void Problems::note(std::size_t index) { note("[" + std::to_string(index) + "]"); }

void Problems::note(std::string_view place) {
  try {
    throw;
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (const SIGTERMException&) {
    throw;
  } catch (const OptionErrors& error) {
    for (Problem problem : error.problems()) {
      problem.place = join_place(place, problem.place);
      add(std::move(problem));
    }
  } catch (const Error& error) {
    add({std::string(place), error.what(), error.name()});
  }
}

void Problems::throw_any() const {
  if (!problems_.empty()) throw OptionErrors(problems_);
}

void Problems::throw_at(std::string_view path) const {
  if (problems_.empty()) return;
  std::vector<Problem> placed = problems_;
  for (Problem& problem : placed) problem.place = join_place(path, problem.place);
  if (placed.size() > 1) throw OptionErrors(std::move(placed));
  throw_named<TypeError, ValueError, KeyError, MisconfigurationException, AttributeError, RuntimeError, NotImplementedError, OSError,
              FileNotFoundError, CheckpointError, DistributedError>(placed.front());
}

}  // namespace levin
