#pragma once
#include <cstddef>
#include <string>
#include <string_view>

/// Where bytes go: a file that is being saved, a string.
namespace levin {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Takes all `size` bytes or throws. The bytes are not needed after the call.
  virtual void write(const void* data, std::size_t size) = 0;
  void write(std::string_view text) { write(text.data(), text.size()); }
};

/// Collects into a string.
class StringSink final : public ByteSink {
 public:
  using ByteSink::write;
  void write(const void* data, std::size_t size) override {
    if (size > 0) text_.append(static_cast<const char*>(data), size);
  }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace levin
