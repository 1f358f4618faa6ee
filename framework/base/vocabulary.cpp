#include "levin/framework/base/vocabulary.h"

#include <algorithm>
#include <set>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/utf8.h"

namespace levin {
namespace {

template <class F>
void for_each_point(std::string_view text, F&& f) {
  for (std::size_t at = 0; at < text.size();) {
    const auto decoded = utf8::decode(text, at);
    f(static_cast<char32_t>(decoded.point));
    at += decoded.bytes;
  }
}

}  // namespace

CharVocabulary::CharVocabulary(std::string_view text, const std::string& name) {
  if (const std::size_t valid = utf8::valid_prefix(text); valid < text.size())
    throw ValueError(name + ": not UTF-8 at byte " + std::to_string(valid) + "; convert it, or use encoding 'bytes'");
  std::set<char32_t> points;
  for_each_point(text, [&](char32_t point) { points.insert(point); });
  points_.assign(points.begin(), points.end());
}

std::vector<std::int32_t> CharVocabulary::encode(std::string_view text) const {
  std::vector<std::int32_t> out;
  out.reserve(text.size());
  for_each_point(text, [&](char32_t point) {
    const auto at = std::lower_bound(points_.begin(), points_.end(), point);
    if (at == points_.end() || *at != point) throw ValueError("a character that is not in the vocabulary: U+" + std::to_string(static_cast<std::uint32_t>(point)));
    out.push_back(static_cast<std::int32_t>(at - points_.begin()));
  });
  return out;
}

std::string CharVocabulary::decode(const std::vector<std::int64_t>& tokens) const {
  std::string out;
  for (const std::int64_t token : tokens) {
    if (token < 0 || token >= size()) throw ValueError("token " + std::to_string(token) + " is not in a vocabulary of " + std::to_string(size()));
    utf8::append(out, static_cast<std::uint32_t>(points_[static_cast<std::size_t>(token)]));
  }
  return out;
}

}  // namespace levin
