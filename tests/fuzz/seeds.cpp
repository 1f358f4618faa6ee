// fuzz_seeds SMALL LARGE: writes hostile files into two folders, the second for those that are too large to mutate.
#include <cstdio>
#include <map>

#include "base/codec_support.h"
#include "base/pickle_support.h"

using namespace levin;
using namespace levin::test;
using namespace std::string_literals;

namespace {

std::map<std::string, std::string> small_pickles() {
  const std::string p = "\x80\x02";
  std::string laughs = p + "]q\0"s;
  for (char i = 0; i < 60; ++i)
    laughs += "]q"s + static_cast<char>(i + 1) + "(h" + i + "h" + i + "e";
  return {
      {"sound", tensor(4, 0, 4, 1)},
      {"numel-beyond-record", tensor(5, 0, 5, 1)},
      {"numel-2-40", tensor(std::int64_t{1} << 40, 0, 4, 1)},
      {"sizes-beyond", tensor(4, 0, 1'000'000, 1)},
      {"offset-beyond", tensor(4, 1'000'000, 1, 1)},
      {"stride-beyond", tensor(4, 0, 2, 1'000'000)},
      {"stride-zero", tensor(4, 0, std::int64_t{1} << 40, 0)},
      {"offset-negative", tensor(4, -1000, 4, 1)},
      {"memo-2-30", p + "]r\0\0\0\x40."s},
      {"string-4-gb", p + "X\xff\xff\xff\xff" "abc."},
      {"nested-501", p + repeat("]", 501) + repeat("a", 500) + "."},
      {"cycle", p + "]q\0h\0a."s},
      {"laughs", laughs + repeat("0", 61) + "h\x3c."},
      {"system", p + "cposix\nsystem\n" + text("true") + "\x85R."},
      {"eval", p + "c__builtin__\neval\n" + text("1") + "\x85R."},
      {"traversal", p + "(" + text("storage") + "ctorch\nFloatStorage\n" + text("../0") +
                        text("cpu") + "K\4tQ."},
      {"odd-setitems", p + "}(Nu."},
      {"forged-reduce", p + "ctorch._utils\n_rebuild_tensor_v2\n)R."},
      {"setitem-on-tensor", tensor(4, 0, 4, 1).substr(0, tensor(4, 0, 4, 1).size() - 1) + "NNs."},
      {"protocol-5",
       "\x80\x05\x95\x10\0\0\0\0\0\0\0(]\x94K\1aC\2ab\x94\x8c\1x\x94\x8f\x94(K\2\x90(K\3\x91\x94"
       "\x96\1\0\0\0\0\0\0\0c\x94t\x94."s},
  };
}

std::map<std::string, std::string> large_pickles() {
  const std::string p = "\x80\x02", long_text = text(std::string(1 << 20, 'k'));
  return {
      {"lists", p + repeat("]", 2'000'000) + repeat("a", 1'999'999) + "."},
      {"tuples", p + "N" + repeat("\x85", 2'000'000) + "."},
      {"marks", p + repeat("(", 2'000'000) + repeat("t", 2'000'000) + "."},
      {"long-key", p + "}" + long_text + "q\0"s + repeat("Nsh\0"s, 100'000) + "Ns."},
      {"copies", p + "c_codecs\nencode\nq\0"s + long_text + "q\1" + text("latin1") + "q\2" +
                     repeat("h\0h\1h\2\x86R"s, 100'000) + "."},
      {"reduces", p + repeat("N)R", 1'000'000) + "."},
  };
}

bool save(const std::string& path, const std::string& bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) return false;
  const bool all = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  return std::fclose(file) == 0 && all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  bool fine = true;
  for (const auto& [name, pickle] : small_pickles())
    fine &= save(std::string(argv[1]) + "/" + name + ".ckpt", archive_around(pickle));
  for (const auto& [name, pickle] : large_pickles())
    fine &= save(std::string(argv[2]) + "/" + name + ".ckpt", archive_around(pickle));
  const std::string sound = archive_around(tensor(4, 0, 4, 1));
  fine &= save(std::string(argv[1]) + "/truncated.ckpt", sound.substr(0, sound.size() / 2));
  return fine ? 0 : 1;
}
