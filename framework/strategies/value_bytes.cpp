#include "levin/framework/strategies/value_bytes.h"

#include "levin/framework/base/codec/archive.h"
#include "levin/framework/base/codec/pickle_writer.h"
#include "levin/framework/base/errors.h"

namespace levin {
namespace {

constexpr char plain = 'p', with_tensors = 't';

std::shared_ptr<const Storage> no_storage(const StorageReference&) { throw CheckpointError("a value without tensors names one"); }

}  // namespace

std::string to_bytes(const Value& value) {
  Pickled pickled = write_pickle(value);
  if (pickled.storages.empty()) return plain + pickled.bytes;
  return with_tensors + archive_bytes(value);
}

Value from_bytes(const std::string& bytes) {
  if (bytes.empty()) throw DistributedError("a rank sent an empty value");
  const std::string_view content = std::string_view(bytes).substr(1);
  // What other ranks of this run send is as large as what they have.
  ReadOptions options{.verify = false, .copy = true};
  options.limits.heap = std::size_t{1} << 40;
  if (bytes.front() == plain) return read_pickle(content, no_storage, {.limits = options.limits});
  return read_archive_bytes(content, options, "another rank's value");
}

}  // namespace levin
