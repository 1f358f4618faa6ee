// Mutations that reach the pickle: one record is changed and the file zipped again, with right CRCs.
#include <algorithm>
#include <cstring>
#include <random>

#include "levin/framework/base/codec/byte_sink.h"
#include "levin/framework/base/codec/zip_reader.h"
#include "levin/framework/base/codec/zip_writer.h"
#include "levin/framework/base/errors.h"

using namespace levin;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Random = std::minstd_rand;

std::string mutated(std::string text, std::size_t growth) {
  const std::size_t size = text.size();
  text.resize(size + growth);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
  return text;
}

// Puts an opcode, or a piece of the pickle itself, at some place, or changes a byte to an opcode.
std::string mutated_pickle(std::string pickle, Random& random) {
  static constexpr char opcodes[] =
      "N\x88\x89KMJ\x8a\x8bGXU\x8c\x8d" "TCB\x8e\x96]}){(tld\x8f\x90\x91\x85\x86\x87" "aesu0122hjqr\x94"
      "c\x93R\x81\x92" "bQ.\x80\x95";
  auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t times = 1 + below(3); times-- > 0;) {
    const std::size_t at = 2 + below(pickle.size() > 3 ? pickle.size() - 3 : 0);
    if (at > pickle.size()) return pickle;
    const char opcode = opcodes[below(sizeof opcodes - 1)];
    const std::size_t from = below(pickle.size());
    const std::string piece = pickle.substr(from, 1 + below(64));
    switch (below(5)) {
      case 0: pickle.insert(at, 1, opcode); break;
      case 1: pickle.insert(at, piece); break;
      case 2: pickle.replace(at, std::min(piece.size(), pickle.size() - at), piece); break;
      case 3: pickle.erase(at, 1 + below(16)); break;
      default:
        if (at < pickle.size()) pickle[at] = opcode;
    }
  }
  return pickle;
}

std::string rezipped(std::string_view file, Random& random) {
  const ZipReader zip(file, false);
  const auto& records = zip.records();
  std::size_t chosen = random() % records.size();
  for (std::size_t i = 0; i < records.size(); ++i)
    if (records[i].name == "data.pkl" && random() % 8 != 0) chosen = i;
  StringSink sink;
  ZipWriter out(sink, zip.root());
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::string data(records[i].data);
    if (i == chosen) {
      data = records[i].name == "data.pkl" && random() % 2 ? mutated_pickle(std::move(data), random)
                                                           : mutated(std::move(data), 64);
    }
    out.add(records[i].name, data);
  }
  out.finish();
  return sink.take();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  Random random(seed);
  if (random() % 5 != 0) {
    try {
      const std::string out =
          rezipped({reinterpret_cast<const char*>(data), size}, random);
      if (out.size() <= most) {
        std::memcpy(data, out.data(), out.size());
        return out.size();
      }
    } catch (const CheckpointError&) {  // no zip file any more: changed as it is
    }
  }
  return LLVMFuzzerMutate(data, size, most);
}
