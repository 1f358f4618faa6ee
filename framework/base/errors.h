#pragma once
#include <exception>
#include <stdexcept>
#include <string>

#include "levin/framework/base/export.h"

/// Every error that levin throws derives from `levin::Error`. Classes carry the names that Lightning's users know: Lightning's
/// own (`MisconfigurationException`) and Python's (`ValueError`, `KeyError`, ...). `levin::run` prints `what()` as one sentence.
namespace levin {

/// The base of all errors. `what()` says what was given, where, what is allowed, and the way out.
class LEVIN_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message);
  ~Error() override;
  /// The class's name as Python would print it, such as "ValueError".
  virtual const char* name() const noexcept { return "Error"; }
  /// What the process should exit with when nothing catches the error: 1, but 130 for Ctrl-C and 143 for SIGTERM.
  virtual int exit_code() const noexcept { return 1; }
};

#define LEVIN_ERROR_CLASS(Class, Base)                               \
  class LEVIN_API Class : public Base {                              \
   public:                                                           \
    using Base::Base;                                                \
    ~Class() override;                                               \
    const char* name() const noexcept override { return #Class; }    \
  }

/// Options or hooks that do not fit together; Lightning's own class.
LEVIN_ERROR_CLASS(MisconfigurationException, Error);
/// A checkpoint that can't be read, is damaged, or does not fit what it is loaded into.
LEVIN_ERROR_CLASS(CheckpointError, Error);
/// A failure of a collective, a rank or the process group.
LEVIN_ERROR_CLASS(DistributedError, Error);

LEVIN_ERROR_CLASS(ValueError, Error);
LEVIN_ERROR_CLASS(TypeError, Error);
LEVIN_ERROR_CLASS(KeyError, Error);
LEVIN_ERROR_CLASS(AttributeError, Error);
LEVIN_ERROR_CLASS(RuntimeError, Error);
LEVIN_ERROR_CLASS(NotImplementedError, RuntimeError);
LEVIN_ERROR_CLASS(ZeroDivisionError, Error);
/// A system call on a file failed. The message names the file and the system's reason.
LEVIN_ERROR_CLASS(OSError, Error);
LEVIN_ERROR_CLASS(FileNotFoundError, OSError);

/// Ctrl-C: thrown by `Trainer::fit` and its siblings after the exception path has run; exit code 130.
class LEVIN_API KeyboardInterrupt : public Error {
 public:
  explicit KeyboardInterrupt(const std::string& message = "");
  ~KeyboardInterrupt() override;
  const char* name() const noexcept override { return "KeyboardInterrupt"; }
  int exit_code() const noexcept override { return 130; }
};

/// SIGTERM arrived: thrown at the next step boundary, after a checkpoint was saved; exit code 143.
class LEVIN_API SIGTERMException : public Error {
 public:
  explicit SIGTERMException(const std::string& message = "");
  ~SIGTERMException() override;
  const char* name() const noexcept override { return "SIGTERMException"; }
  int exit_code() const noexcept override { return 143; }
};

/// The name of any exception as Python would print it: `Error::name()`, or a matching name for the standard library's classes.
LEVIN_API std::string exception_name(const std::exception& error);

}  // namespace levin
