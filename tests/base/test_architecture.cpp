// The rules of docs/architecture.md, read off the sources: who may include whom, and which headers of LibTorch a header may include.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/catch.h"

namespace {

namespace fs = std::filesystem;

const fs::path root = LEVIN_SOURCE_DIR;

// What each folder may include, besides itself. A name without a folder is a file of framework/.
const std::map<std::string, std::set<std::string>> allowed = [] {
  std::map<std::string, std::set<std::string>> out;
  std::set<std::string> below;
  const auto layer = [&](const std::vector<std::string>& folders) {
    for (const auto& folder : folders) {
      out[folder] = below;
      out[folder].insert(folders.begin(), folders.end());
    }
    below.insert(folders.begin(), folders.end());
  };
  layer({"base"});
  layer({"accelerators"});
  layer({"tensors"});
  layer({"data", "module", "optim", "results", "metrics", "callback.h", "callback.cpp", "logger.h", "logger.cpp", "profiler.h", "profiler.cpp"});
  layer({"precision", "checkpoint", "strategies", "nn", "profilers"});
  layer({"loops"});
  layer({"trainer"});
  layer({"cli", "models"});
  out["callbacks"] = out["loggers"] = below;
  out["cuda"] = {"base", "accelerators", "callbacks", "cuda", "data"};
  out["callbacks"].insert("callbacks");
  out["loggers"].insert("loggers");
  return out;
}();

// "framework/loops/fit_loop.h" -> "loops", "callbacks/x.h" -> "callbacks", "framework/callback.h" -> "callback.h".
std::string place(const std::string& path) {
  const auto first = path.find('/');
  if (path.substr(0, first) != "framework") return path.substr(0, first);
  const std::string rest = path.substr(first + 1);
  return rest.substr(0, rest.find('/'));
}

std::vector<std::string> sources() {
  std::vector<std::string> out;
  for (const char* folder : {"framework", "callbacks", "loggers"})
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp") out.push_back(fs::relative(entry.path(), root));
    }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> includes(const std::string& path) {
  std::ifstream file(root / path);
  std::vector<std::string> out;
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::smatch match;
  for (std::string line; std::getline(file, line);)
    if (std::regex_search(line, match, include)) out.push_back(match[1]);
  return out;
}

bool of_torch(const std::string& header) {
  for (const char* folder : {"torch/", "ATen/", "c10/", "caffe2/"})
    if (header.starts_with(folder)) return true;
  return false;
}

}  // namespace

TEST_CASE("folders include only what lies below them") {
  const std::set<std::string> free{"framework/levin.h", "framework/trainer/defaults.cpp", "framework/cli/builtins.cpp"};
  REQUIRE(sources().size() > 100);
  for (const std::string& path : sources()) {
    if (free.contains(path)) continue;
    INFO(path);
    const auto rule = allowed.find(place(path));
    REQUIRE(rule != allowed.end());
    for (const std::string& header : includes(path)) {
      if (!header.starts_with("levin/") || header == "levin/version.h") continue;
      INFO("includes " << header);
      CHECK(rule->second.contains(place(header.substr(6))));
    }
  }
}

TEST_CASE("base and checkpoint know nothing of LibTorch") {
  for (const std::string& path : sources()) {
    if (place(path) != "base" && place(path) != "checkpoint") continue;
    for (const std::string& header : includes(path)) {
      INFO(path << " includes " << header);
      CHECK_FALSE(of_torch(header));
      if (header.starts_with("levin/framework/")) CHECK((place(header.substr(6)) == "base" || place(header.substr(6)) == "checkpoint"));
    }
  }
}

TEST_CASE("headers are light") {
  const std::set<std::string> light{"ATen/core/Tensor.h", "torch/optim/optimizer.h", "torch/version.h"};  // the last: three macros
  for (const std::string& path : sources()) {
    if (!path.ends_with(".h")) continue;
    for (const std::string& header : includes(path)) {
      INFO(path << " includes " << header);
      const bool module = path == "framework/module/lightning_module.h" && header == "torch/nn/module.h";
      const bool layer = place(path) == "nn" && header.starts_with("torch/nn/");  // who has layers has torch/nn
      if (of_torch(header)) CHECK((light.contains(header) || module || layer));
      for (const char* heavy : {"nlohmann/json.hpp", "CLI/CLI.hpp", "spdlog/spdlog.h"}) CHECK(header != heavy);
    }
  }
}

TEST_CASE("c10d is spoken in the strategies' sources only, and where NCCL is made") {
  for (const std::string& path : sources()) {
    if (place(path) == "strategies" && path.ends_with(".cpp")) continue;
    if (place(path) == "cuda" && path.ends_with(".cpp")) continue;
    for (const std::string& header : includes(path)) {
      INFO(path << " includes " << header);
      CHECK(header.find("/c10d/") == header.npos);
    }
  }
}

TEST_CASE("files stay small") {
  for (const std::string& path : sources()) {
    std::ifstream file(root / path);
    const auto lines = std::count(std::istreambuf_iterator<char>(file), {}, '\n');
    INFO(path << " has " << lines << " lines");
    CHECK(lines <= 600);
  }
}
