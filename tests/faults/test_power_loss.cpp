#include <optional>
#include <set>
#include <string>
#include <vector>

#include "levin/framework/base/codec/durable_file.h"
#include "shadow_files.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::test;

namespace {

// Saves as ModelCheckpoint does and, after each single call, cuts the power in every way.
class Saver {
 public:
  bool evicts_first = false;  // a fault, to see that the model notices it
  ShadowFiles files;
  std::set<std::string> lost;  // what went wrong, each thing once
  long cuts = 0;

  Saver() {
    files.after_call = [this] {
      files.for_each_loss([this](const ShadowFiles::Found& found) { look(found), ++cuts; }, 300,
                          static_cast<unsigned>(cuts));
    };
  }

  void save(const std::string& name, const std::string& content) {
    allowed_[name].insert(content);
    if (allowed_[name].size() == 1) allowed_[name].insert(std::nullopt);
    write_durably(files, name, [&](ByteSink& sink) { sink.write(content); });
    allowed_[name] = {content};  // acknowledged
    saved_ = true;
  }
  void link(const std::string& target, const std::string& name) {
    targets_.insert(target);
    if (targets_.size() == 1) targets_.insert("");
    replace_symlink(files, target, name);
    targets_ = {target};
  }
  void evict(const std::string& name) {
    allowed_[name].insert(std::nullopt);
    const int held = files.hold(name);
    files.unlink(name);
    files.close(held);
  }

  // `keep` ranked files, each named after its step, and a last one.
  void train(int steps, int keep, bool links) {
    for (int step = 0; step < steps; ++step) {
      const auto name = [](int number) { return "step=" + std::to_string(number) + ".ckpt"; };
      const auto content = [&](const char* kind) {
        return std::string(kind) + " of step " + std::to_string(step);
      };
      save(name(step), content("ranked"));
      if (evicts_first && step >= keep) evict(name(step - keep));
      if (links)
        link(name(step), "last.ckpt");
      else
        save("last.ckpt", content("last"));
      if (!evicts_first && step >= keep) evict(name(step - keep));
    }
  }

 private:
  void look(const ShadowFiles::Found& found) {
    bool loadable = false;
    for (const auto& [name, contents] : allowed_) {
      if (!found.has(name)) {
        if (!contents.count(std::nullopt)) lost.insert("an acknowledged file is gone");
        continue;
      }
      if (contents.count(found.content(name)))
        loadable = true;
      else
        lost.insert("a file is broken");
    }
    for (const auto& [name, node] : found.names)
      if (!name.ends_with(".tmp") && !allowed_.count(name) && !found.is_link(name))
        lost.insert("a file under a name that nobody gave");
    if (saved_ && !loadable) lost.insert("nothing can be loaded");
    look_at_link(found);
  }
  void look_at_link(const ShadowFiles::Found& found) {
    if (targets_.empty()) return;
    if (!found.has("last.ckpt")) {
      if (!targets_.count("")) lost.insert("the link is gone");
      return;
    }
    const std::string& target = found.names.at("last.ckpt")->target;
    if (!targets_.count(target)) lost.insert("the link is an older one than acknowledged");
    if (!found.has(target)) lost.insert("the link dangles");
  }

  std::map<std::string, std::set<std::optional<std::string>>> allowed_;
  std::set<std::string> targets_;  // that the link may have; "" for no link
  bool saved_ = false;
};

const std::set<std::string> nothing;

}  // namespace

TEST_CASE("whatever a power cut takes of what was not synced, no acknowledged save is lost") {
  for (const bool links : {false, true}) {
    for (const int keep : {1, 2, 3}) {
      Saver saver;
      saver.train(8, keep, links);
      INFO("links " << links << ", keep " << keep);
      CHECK(saver.lost == nothing);
      CHECK(saver.cuts > 500);
    }
  }
}

TEST_CASE("a file that is saved again under its name is the old or the new one after a power cut") {
  Saver saver;
  for (const char* content : {"first", "second, longer", "3rd", ""}) saver.save("x.ckpt", content);
  CHECK(saver.lost == nothing);
}

TEST_CASE("the model notices a save that does not sync the file") {
  for (const bool links : {false, true}) {
    Saver saver;
    saver.files.ignores_fsync = true;
    saver.train(4, 1, links);
    CHECK(saver.lost.count("a file is broken") == 1);
    CHECK(saver.lost.count("nothing can be loaded") == 1);
  }
}

TEST_CASE("the model notices a save that does not sync the folder") {
  for (const bool links : {false, true}) {
    Saver saver;
    saver.files.ignores_folder_sync = true;
    saver.train(4, 1, links);
    CHECK(saver.lost.count("an acknowledged file is gone") == 1);
    CHECK(saver.lost.count("nothing can be loaded") == 1);
  }
}

TEST_CASE("the model notices a file that is removed before the link is moved") {
  Saver saver;
  saver.evicts_first = true;
  saver.train(4, 1, true);
  CHECK(saver.lost == std::set<std::string>{"the link dangles"});
}
