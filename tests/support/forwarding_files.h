#pragma once
#include <string>
#include <vector>

#include "levin/framework/base/files.h"

/// The real files; a test overrides the calls that it wants to go wrong.
class ForwardingFiles : public levin::Files {
 public:
  int open_exclusive(const std::string& path, unsigned mode) override { return real_.open_exclusive(path, mode); }
  std::int64_t write(int fd, const void* data, std::size_t size) override { return real_.write(fd, data, size); }
  std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override { return real_.read(fd, data, size, offset); }
  void start_writing_back(int fd, std::int64_t offset, std::int64_t size) override { real_.start_writing_back(fd, offset, size); }
  int fsync(int fd) override { return real_.fsync(fd); }
  int close(int fd) override { return real_.close(fd); }
  int rename(const std::string& from, const std::string& to) override { return real_.rename(from, to); }
  int unlink(const std::string& path) override { return real_.unlink(path); }
  int hold(const std::string& path) override { return real_.hold(path); }
  int fsync_directory(const std::string& folder) override { return real_.fsync_directory(folder); }
  int exists(const std::string& path) override { return real_.exists(path); }
  int list(const std::string& folder, std::vector<std::string>& names) override { return real_.list(folder, names); }
  int symlink(const std::string& target, const std::string& path) override { return real_.symlink(target, path); }
  int make_directories(const std::string& folder) override { return real_.make_directories(folder); }
  std::int64_t free_space(const std::string& folder) override { return real_.free_space(folder); }

 private:
  levin::Files& real_ = levin::real_files();
};
