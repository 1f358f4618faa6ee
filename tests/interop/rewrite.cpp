// rewrite IN OUT: reads a checkpoint and writes what it read.
#include <fstream>
#include <iostream>

#include "levin/framework/base/codec/archive.h"

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: rewrite IN OUT\n";
    return 2;
  }
  const std::string bytes = levin::archive_bytes(levin::read_archive(argv[1]));
  std::ofstream out(argv[2], std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
