#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/zip_writer.h"
#include "levin/framework/base/half.h"
#include "levin/framework/base/value.h"

/// Small makers for the codec's tests.
namespace levin::test {

inline std::shared_ptr<const Storage> storage_of(const std::string& bytes, DType dtype) {
  auto owner = std::make_shared<std::string>(bytes);
  return std::make_shared<const Storage>(Storage{.dtype = dtype,
                                                 .nbytes = owner->size(),
                                                 .data = owner->empty() ? nullptr : owner->data(),
                                                 .owner = owner});
}

template <class T>
std::shared_ptr<const Storage> storage_of(const std::vector<T>& elements, DType dtype) {
  return storage_of(
      std::string(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T)),
      dtype);
}

/// A contiguous view of the whole storage.
inline TensorRef whole(std::shared_ptr<const Storage> storage, std::vector<std::int64_t> sizes) {
  std::vector<std::int64_t> strides(sizes.size(), 1);
  for (std::size_t d = sizes.size(); d-- > 1;) strides[d - 1] = strides[d] * sizes[d];
  const DType dtype = storage->dtype;
  return TensorRef{.dtype = dtype,
                   .sizes = std::move(sizes),
                   .strides = std::move(strides),
                   .storage = std::move(storage)};
}

inline TensorRef floats(const std::vector<float>& elements) {
  return whole(storage_of(elements, DType::float32), {static_cast<std::int64_t>(elements.size())});
}

/// All elements of a contiguous tensor, as doubles.
inline std::vector<double> elements_of(const TensorRef& tensor) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    TensorRef one = tensor;
    one.sizes.clear(), one.strides.clear();
    one.storage_offset += i;
    out.push_back(Value(one).number());
  }
  return out;
}

/// A checkpoint around a pickle that was put together by hand, with one float storage `data/0` of
/// `numel` elements.
inline std::string archive_around(const std::string& pickle, std::size_t numel = 4) {
  StringSink sink;
  ZipWriter zip(sink);
  zip.add("data.pkl", pickle);
  zip.add("byteorder", "little");
  zip.add("data/0", std::string(numel * 4, '\1'));
  zip.add("version", "3\n");
  zip.finish();
  return sink.take();
}

/// A file's bytes.
inline std::string contents_of(const std::string& path) {
  std::string text;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) return text;
  char buffer[65536];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, n);
  std::fclose(file);
  return text;
}

inline const std::string fixtures = std::string(LEVIN_SOURCE_DIR) + "/tests/data/fixtures/";
inline const char* const fixture_names[] = {
    "adam",          "adam-plateau", "adamw-sequential", "batchnorm-adamw-onecycle",
    "bf16",          "double",       "rmsprop-cosine",   "sgd-multistep",
    "two-optimizers"};

}  // namespace levin::test
