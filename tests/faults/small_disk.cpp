// Saves onto a disk of 6 MB until it is full, and into a folder that may not be written to:
//   small_disk full_disk|read_only_folder
// Exits with 77 where the system does not allow the set-up (mount, another user).
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/durable_file.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/checkpoint/checkpoint_io.h"

using namespace levin;

namespace {

constexpr int skipped = 77;
int failures = 0;

void check(bool holds, const std::string& what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what.c_str());
  failures += !holds;
}

Value tree(std::size_t megabytes, float value) {
  auto floats = std::make_shared<std::vector<float>>(megabytes << 18, value);
  auto storage = std::make_shared<const Storage>(Storage{.dtype = DType::float32,
                                                         .nbytes = floats->size() * 4,
                                                         .data = floats->data(),
                                                         .owner = floats});
  return Dict{{"weight", TensorRef{.dtype = DType::float32,
                                   .sizes = {static_cast<std::int64_t>(floats->size())},
                                   .strides = {1},
                                   .storage = storage}}};
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  real_files().list(folder, names);
  return names;
}

// The message of the OSError, "" without one.
template <class Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const OSError& e) {
    return e.what();
  }
  return "";
}

bool says(const std::string& message, const std::string& what, const std::string& path) {
  return message.find(what) != std::string::npos &&
         message.find("'" + path + "'") != std::string::npos;
}

void fill(const std::string& folder) {
  const std::string last = folder + "/last.ckpt", next = folder + "/next.ckpt";
  save_archive(tree(2, 1), last);
  check(read_archive(last) == tree(2, 1), "2 MB fit on a disk of 6 MB");

  const auto write = [](const Value& value, const std::string& path) {
    write_durably(real_files(), path, [&](ByteSink& sink) { write_archive(value, sink); });
  };
  for (const auto& [path, size] : {std::pair{last, 5}, {next, 5}}) {
    const std::string early = error_of([&] { save_archive(tree(5, 2), path); });
    check(says(early, "No space left on device", path), "found before writing: " + early);
    const std::string late = error_of([&] { write(tree(5, 2), path); });
    check(says(late, "No space left on device", path), "found while writing: " + late);
    check(read_archive(last) == tree(2, 1), "the older file is as it was");
    check(names_in(folder) == std::vector<std::string>{"last.ckpt"}, "nothing else is left");
  }
  save_archive(tree(3, 3), last);
  check(read_archive(last) == tree(3, 3), "what fits beside the old file replaces it");

  CheckpointIO io;
  bool fitted = true;
  for (int round = 0; round < 50; ++round) {
    io.remove_checkpoint(round % 2 ? next : last);
    fitted = fitted && error_of([&] { io.save_checkpoint(tree(5, 4), round % 2 ? last : next); }).empty();
  }
  check(fitted, "what was removed just before makes room for the next save");
}

int full_disk(const std::string& folder) {
  if (::mount("levin", folder.c_str(), "tmpfs", 0, "size=6m") != 0) {
    std::perror("mount");
    return skipped;
  }
  try {
    fill(folder);
  } catch (const std::exception& e) {
    check(false, e.what());
  }
  ::umount(folder.c_str());
  return failures > 0;
}

int read_only_folder(const std::string& folder) {
  const std::string path = folder + "/x.ckpt";
  save_archive(tree(1, 1), path);
  ::chmod(folder.c_str(), 0555);
  const pid_t child = ::fork();
  if (child == 0) {
    // The folder's owner must not be the one who tries, and root may do everything.
    constexpr unsigned nobody = 65534;
    if (::geteuid() == 0 &&
        (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0))
      ::_exit(skipped);
    for (const char* name : {"/x.ckpt", "/y.ckpt"}) {
      const std::string file = folder + name;
      const std::string message = error_of([&] { save_archive(tree(1, 2), file); });
      check(says(message, "Permission denied", file), "refused: " + message);
    }
    const std::string message =
        error_of([&] { replace_symlink(real_files(), "x.ckpt", folder + "/last.ckpt"); });
    check(says(message, "Permission denied", folder + "/last.ckpt"), "no link: " + message);
    check(read_archive(path) == tree(1, 1), "the older file is as it was");
    check(names_in(folder) == std::vector<std::string>{"x.ckpt"}, "nothing else is left");
    std::fflush(stdout);
    ::_exit(failures > 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::chmod(folder.c_str(), 0755);
  ::unlink(path.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  char name[] = "/tmp/levin-small-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  ::chmod(folder.c_str(), 0755);
  const int result = what == "full_disk"          ? full_disk(folder)
                     : what == "read_only_folder" ? read_only_folder(folder)
                                                  : 2;
  ::rmdir(folder.c_str());
  return result;
}
