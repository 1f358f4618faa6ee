#pragma once
#include <string>

namespace levin {

/// Loads a shared library that registers classes (LEVIN_REGISTER). OSError if it can't be loaded; ValueError, before anything of it
/// runs, if it registers nothing or was compiled with another levin or LibTorch than this program.
void load_plugin(const std::string& path);

}  // namespace levin
