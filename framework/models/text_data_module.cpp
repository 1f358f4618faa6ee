#include "levin/framework/models/text_data_module.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "levin/framework/base/codec/mapped_file.h"
#include "levin/framework/base/fields.h"
#include "levin/framework/base/vocabulary.h"
#include "levin/framework/data/npy.h"
#include "levin/framework/data/token_dataset.h"

namespace levin {
namespace {

at::Tensor read_characters(const std::string& path, std::int64_t& vocabulary_size) {
  const auto file = MappedFile::open(path);
  const CharVocabulary vocabulary(file->bytes(), path);
  vocabulary_size = vocabulary.size();
  const std::vector<std::int32_t> tokens = vocabulary.encode(file->bytes());
  at::Tensor out = at::empty({static_cast<std::int64_t>(tokens.size())}, at::kInt);
  std::copy(tokens.begin(), tokens.end(), out.mutable_data_ptr<std::int32_t>());
  return out;
}

}  // namespace

TextDataModule::TextDataModule(Options options)
    : SplitDataModule("TextDataModule", {.val_fraction = options.val_fraction, .batch_size = options.batch_size, .num_workers = options.num_workers}),
      options_(std::move(options)) {
  if (options_.path.empty()) refuse("path is missing; it names the text");
  const auto known = {"bytes", "chars", "uint16", "int32", "int64"};
  if (std::find(known.begin(), known.end(), options_.encoding) == known.end())
    refuse("encoding can be bytes, chars, uint16, int32 or int64, got '" + options_.encoding + "'");
  if (options_.block_size < 1) refuse("block_size must be at least 1, got " + std::to_string(options_.block_size));
  hparams() = write_fields(options_);
}

SplitDataModule::Parts TextDataModule::make_datasets() {
  at::Tensor tokens;
  std::int64_t known = options_.encoding == "bytes" ? 256 : 0;
  if (options_.encoding == "chars") tokens = read_characters(options_.path, known);
  else tokens = load_raw(options_.path, options_.encoding == "bytes" ? "uint8" : options_.encoding);
  if (known > options_.vocab_size) {
    refuse("the text has " + std::to_string(known) + " different tokens, vocab_size is " + std::to_string(options_.vocab_size) + "; set it to " +
           std::to_string(known) + ", here and in the model");
  }
  const std::int64_t length = tokens.size(0);
  const auto validation = static_cast<std::int64_t>(static_cast<double>(length) * options_.val_fraction);
  const std::int64_t block = options_.block_size;
  Parts parts;
  parts.all = std::make_shared<TokenDataset>(tokens, block);
  parts.train = std::make_shared<TokenDataset>(tokens.narrow(0, 0, length - validation), block);
  if (validation > block) parts.val = parts.test = std::make_shared<TokenDataset>(tokens.narrow(0, length - validation, validation), block);
  return parts;
}

}  // namespace levin
