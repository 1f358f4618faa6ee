#pragma once
#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "levin/framework/base/files.h"

namespace levin::test {

/// One folder in memory, with what a disk would know of it: which bytes were synced, and which
/// changes of names. After a power cut the changes since the last sync of the folder are there in
/// any combination, and a file that was not synced has its bytes, a part of them, none, or zeros.
class ShadowFiles final : public Files {
 public:
  struct Node {
    std::string content;
    std::string target;  ///< of a link, which is always durable together with its name
    bool synced = false;
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  /// What is found after a power cut; a file's content by its node.
  struct Found {
    Names names;
    std::map<const Node*, std::string> contents;

    bool has(const std::string& name) const { return names.count(name) > 0; }
    bool is_link(const std::string& name) const { return !names.at(name)->target.empty(); }
    const std::string& content(const std::string& name) const {
      const Node* node = names.at(name).get();
      const auto damaged = contents.find(node);
      return damaged == contents.end() ? node->content : damaged->second;
    }
  };

  std::size_t longest_write = 5;
  /// Faults of the protocol, to see that the model notices them.
  bool ignores_fsync = false, ignores_folder_sync = false;
  /// Called after everything that changes something.
  std::function<void()> after_call = [] {};

  /// Each thing that may be found after a power cut now: all of them if they are few, else `samples`
  /// at random.
  void for_each_loss(const std::function<void(const Found&)>& look, int samples, unsigned seed) {
    const std::vector<std::shared_ptr<Node>> open = unsynced();
    const std::size_t bits = pending_.size() + 2 * open.size();
    std::mt19937_64 random(seed);
    const bool all = bits <= 12;
    const std::uint64_t count = all ? std::uint64_t{1} << bits : static_cast<std::uint64_t>(samples);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t choice = all ? i : random();
      Found found{durable_, {}};
      for (const Change& change : pending_) {
        if (choice & 1) apply(change, found.names);
        choice = all ? choice >> 1 : random();
      }
      for (const auto& node : open) {
        found.contents[node.get()] = damaged(node->content, choice & 3);
        choice = all ? choice >> 2 : random();
      }
      look(found);
    }
  }

  int open_exclusive(const std::string& path, unsigned) override {
    if (names_.count(path)) return -EEXIST;
    open_[++last_fd_] = make(path, Node{});
    return done(last_fd_);
  }
  std::int64_t write(int fd, const void* data, std::size_t size) override {
    size = std::min(size, longest_write);
    Node& node = *open_.at(fd);
    node.content.append(static_cast<const char*>(data), size);
    node.synced = false;
    return done(static_cast<int>(size));
  }
  std::int64_t read(int fd, void* data, std::size_t size, std::int64_t offset) override {
    const std::string& content = open_.at(fd)->content;
    const std::size_t from = std::min(content.size(), static_cast<std::size_t>(offset));
    return static_cast<std::int64_t>(content.copy(static_cast<char*>(data), size, from));
  }
  void start_writing_back(int, std::int64_t, std::int64_t) override {}
  int fsync(int fd) override {
    if (!ignores_fsync) open_.at(fd)->synced = true;
    return done(0);
  }
  int close(int fd) override { return open_.erase(fd) ? 0 : -EBADF; }
  int rename(const std::string& from, const std::string& to) override {
    if (!names_.count(from)) return -ENOENT;
    change({names_.at(from), to, from});
    return done(0);
  }
  int unlink(const std::string& path) override {
    if (!names_.count(path)) return -ENOENT;
    change({nullptr, "", path});
    return done(0);
  }
  int hold(const std::string& path) override {
    const auto named = names_.find(path);
    if (named == names_.end()) return -ENOENT;
    open_[++last_fd_] = named->second;
    return last_fd_;
  }
  int fsync_directory(const std::string&) override {
    if (!ignores_folder_sync) {
      durable_ = names_;
      pending_.clear();
    }
    return done(0);
  }
  int exists(const std::string& path) override { return names_.count(path) > 0; }
  int list(const std::string&, std::vector<std::string>& names) override {
    names.clear();
    for (const auto& [name, node] : names_) names.push_back(name);
    return 0;
  }
  int symlink(const std::string& target, const std::string& path) override {
    if (names_.count(path)) return -EEXIST;
    make(path, Node{"", target, true});
    return done(0);
  }
  int make_directories(const std::string&) override { return 0; }
  std::int64_t free_space(const std::string&) override { return 1 << 30; }

 private:
  /// `node` gets the name `to`, and the name `from` goes.
  struct Change {
    std::shared_ptr<Node> node;
    std::string to, from;
  };

  static void apply(const Change& change, Names& names) {
    if (!change.from.empty()) names.erase(change.from);
    if (!change.to.empty()) names[change.to] = change.node;
  }
  void change(Change made) {
    apply(made, names_);
    pending_.push_back(std::move(made));
  }
  std::shared_ptr<Node> make(const std::string& path, Node node) {
    auto made = std::make_shared<Node>(std::move(node));
    change({made, path, ""});
    return made;
  }
  int done(int result) {
    after_call();
    return result;
  }
  std::vector<std::shared_ptr<Node>> unsynced() const {
    std::vector<std::shared_ptr<Node>> out;
    auto add = [&](const std::shared_ptr<Node>& node) {
      if (node && !node->synced && std::find(out.begin(), out.end(), node) == out.end())
        out.push_back(node);
    };
    for (const auto& [name, node] : durable_) add(node);
    for (const Change& made : pending_) add(made.node);
    return out;
  }
  static std::string damaged(const std::string& content, std::uint64_t how) {
    switch (how) {
      case 0: return "";
      case 1: return content.substr(0, content.size() / 2);
      case 2: return std::string(content.size(), '\0');
      default: return content;
    }
  }

  Names names_, durable_;
  std::vector<Change> pending_;  // since the folder was synced
  std::map<int, std::shared_ptr<Node>> open_;
  int last_fd_ = 2;
};

}  // namespace levin::test
