#pragma once
#include <string>

#include "levin/framework/models/split_data_module.h"

namespace levin {

struct TextDataModuleOptions {
  std::string path;
  std::string encoding = "bytes";
  std::int64_t vocab_size = 256;
  std::int64_t block_size = 128;
  double val_fraction = 0.1;
  std::int64_t batch_size = 32;
  std::int64_t num_workers = 0;
};

template <class V>
void fields(V&& f, TextDataModuleOptions& o) {
  f("path", o.path, "the text, in UTF-8 or as raw tokens");
  f("encoding", o.encoding, "what a token is: bytes; chars (characters, numbered in order); uint16, int32 or int64 (a file of such numbers)");
  f("vocab_size", o.vocab_size, "number of tokens that the model knows; link it to the model's");
  f("block_size", o.block_size, "tokens per sample");
  f("val_fraction", o.val_fraction, "part of the text, at its end, to validate and test on");
  f("batch_size", o.batch_size, "samples per batch");
  f("num_workers", o.num_workers, "threads that make batches ahead; 0: made when asked for");
}

/// A text, cut into windows of `block_size` tokens. Batches are [inputs, targets], int64 of [batch_size, block_size]; targets are one
/// token on. Raw files are mapped, not read.
class LEVIN_API TextDataModule : public SplitDataModule {
 public:
  using Options = TextDataModuleOptions;
  explicit TextDataModule(Options options = {});

 protected:
  /// ValueError if the text has more tokens than `vocab_size`, naming how many there are.
  Parts make_datasets() override;

 private:
  Options options_;
};

}  // namespace levin
