#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "levin/framework/base/export.h"

namespace levin {

/// The characters of a text, numbered by their code points in ascending order.
class LEVIN_API CharVocabulary {
 public:
  /// ValueError for text that is not UTF-8; `name` is the file's.
  explicit CharVocabulary(std::string_view text, const std::string& name);
  std::int64_t size() const { return static_cast<std::int64_t>(points_.size()); }
  /// One token a character.
  std::vector<std::int32_t> encode(std::string_view text) const;
  /// ValueError for a token that there is not.
  std::string decode(const std::vector<std::int64_t>& tokens) const;

 private:
  std::vector<char32_t> points_;
};

}  // namespace levin
