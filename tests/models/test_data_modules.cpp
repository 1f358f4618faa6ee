// The data that configurations name: NumPy arrays, folders of images, texts.
#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>

#include "levin/framework/base/errors.h"
#include "levin/framework/base/image/image.h"
#include "levin/framework/base/vocabulary.h"
#include "levin/framework/data/image_folder.h"
#include "levin/framework/data/npy.h"
#include "levin/framework/models/image_folder_data_module.h"
#include "levin/framework/models/npy_data_module.h"
#include "levin/framework/models/text_data_module.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace levin;
namespace fs = std::filesystem;

namespace {

const std::string data = std::string(LEVIN_SOURCE_DIR) + "/tests/data/models/";

std::vector<Batch> batches(const Loaders& loaders) {
  std::vector<Batch> out;
  for (const auto& loader : loaders) {
    loader->start();
    for (Batch batch; loader->next(batch);) out.push_back(batch);
  }
  return out;
}

}  // namespace

TEST_CASE("NumPy's arrays are read as they are") {
  CHECK(load_npy(data + "arrays/float32.npy").equal(at::arange(12).to(at::kFloat).view({4, 3}) / 2));
  CHECK(load_npy(data + "arrays/int64.npy").equal(at::tensor({3, 1, 2, 0}, at::kLong)));
  const at::Tensor fortran = load_npy(data + "arrays/fortran.npy");
  CHECK(fortran.equal(at::arange(6).to(at::kDouble).view({2, 3})));
  CHECK(fortran.stride(0) == 1);
  CHECK(load_npy(data + "arrays/scalar.npy").item<double>() == 2.5);
}

TEST_CASE("files that are no such arrays are refused by name, with the way out") {
  const TemporaryFolder folder;
  const std::string cut = folder / "cut.npy", other = folder / "other.npy";
  fs::copy_file(data + "arrays/float32.npy", cut);
  fs::resize_file(cut, fs::file_size(cut) - 1);
  std::ofstream(other) << "1,2,3\n1,2,3\n";
  struct Row { std::string path, message; };
  const Row rows[] = {
      {cut, ": is cut short: 48 bytes of elements expected, 47 there"},
      {other, ": this is no NumPy file; numpy.save(path, array) makes one"},
      {data + "arrays/big_endian.npy", ": its numbers are big-endian (>i4); save array.astype(array.dtype.newbyteorder('<'))"},
      {data + "arrays/text.npy", ": there is no tensor of its type <U1; save numbers or bools"},
      {data + "arrays/records.npy", ": holds records with fields; save one array of numbers a file"},
  };
  for (const Row& row : rows) CHECK_THROWS_WITH(load_npy(row.path), row.path + row.message);
  CHECK_THROWS_AS(load_npy(folder / "missing.npy"), FileNotFoundError);
}

TEST_CASE("NumPy rows become batches of features and targets") {
  NpyDataModule module({.features = data + "arrays/float32.npy", .targets = data + "arrays/int64.npy", .val_fraction = 0.25, .batch_size = 2});
  module.setup("fit");
  CHECK(batches(module.train_dataloader()).size() == 2);
  CHECK(batches(module.val_dataloader()).front()[0].tensor().sizes() == at::IntArrayRef({1, 3}));
  const auto all = batches(module.predict_dataloader());
  CHECK(at::cat({all[0][1].tensor(), all[1][1].tensor()}).equal(at::tensor({3, 1, 2, 0}, at::kLong)));
  NpyDataModule wrong({.features = data + "arrays/float32.npy", .targets = data + "arrays/fortran.npy"});
  CHECK_THROWS_WITH(wrong.setup("fit"), Catch::Contains("float32.npy has 4 rows, ") && Catch::Contains("fortran.npy has 2 rows; they must be as many"));
}

TEST_CASE("images of all kinds are read") {
  for (const char* name : {"red/rgb.png", "red/palette.png", "red/photo.jpg"}) {
    INFO(name);
    const Image image = read_image(data + "images/" + name);
    REQUIRE(image.pixels.size() == static_cast<std::size_t>(image.width * image.height * 3));
    CHECK(image.pixels[0] > 250);
    CHECK(image.pixels[1] < 5);
  }
  for (const char* name : {"grey/ramp.png", "grey/sixteen.png", "grey/photo.JPEG"}) {
    INFO(name);
    const Image image = read_image(data + "images/" + name, 1);
    CHECK(image.width == 6);
    CHECK(image.height == 8);
    CHECK(std::abs(image.pixels[47] - 47 * 5) < 8);
  }
}

TEST_CASE("damaged images are refused by name") {
  const TemporaryFolder folder;
  for (const char* name : {"red/rgb.png", "red/photo.jpg"}) {
    const std::string cut = folder / fs::path(name).filename().string();
    fs::copy_file(data + "images/" + name, cut);
    fs::resize_file(cut, fs::file_size(cut) * 2 / 3);
    CHECK_THROWS_WITH(read_image(cut), Catch::StartsWith(cut + ": "));
  }
  std::ofstream(folder / "text.png") << "no picture";
  CHECK_THROWS_WITH(read_image(folder / "text.png"), (folder / "text.png") + ": neither PNG nor JPEG; convert it, or take it out of the folder");
}

TEST_CASE("a folder per class is a data set") {
  const ImageFolder folder(data + "images", {.size = 4, .channels = 1, .mean = {0.5}, .std = {0.5}});
  CHECK(folder.classes() == std::vector<std::string>{"grey", "red"});
  CHECK(folder.size() == 6);
  Generator generator;
  const Batch sample = folder.get(5, generator);
  CHECK(sample[0].tensor().sizes() == at::IntArrayRef({1, 4, 4}));
  CHECK(sample[1].tensor().item<std::int64_t>() == 1);
  CHECK(sample[0].tensor().max().item<double>() <= 1.0);

  const TemporaryFolder empty;
  CHECK_THROWS_WITH(ImageFolder(empty.path(), {}), "Couldn't find any class folder in " + empty.path() + ".");
  fs::create_directory(empty / "cats");
  CHECK_THROWS_WITH(ImageFolder(empty.path(), {}), "Found no valid file for the classes cats in " + empty.path() + ". Supported extensions are: .png, .jpg, .jpeg");
  CHECK_THROWS_WITH(ImageFolder(data + "images", {.mean = {0.5}}), "ImageFolder: mean has 1 values, there are 3 channels");
}

TEST_CASE("images are split, and only training images are turned") {
  ImageFolderDataModule module({.root = data + "images", .size = 8, .horizontal_flip = true, .val_fraction = 0.5, .batch_size = 3});
  module.setup("fit");
  const auto train = batches(module.train_dataloader()), val = batches(module.val_dataloader()), again = batches(module.val_dataloader());
  REQUIRE(train.size() == 1);
  CHECK(train[0][0].tensor().sizes() == at::IntArrayRef({3, 3, 8, 8}));
  CHECK(val[0][0].tensor().equal(again[0][0].tensor()));
}

TEST_CASE("texts become windows of bytes or of characters") {
  const TemporaryFolder folder;
  const std::string path = folder / "text.txt";
  std::string text;
  for (int i = 0; i < 50; ++i) text += "añb";
  std::ofstream(path) << text;
  TextDataModule bytes({.path = path, .block_size = 8, .val_fraction = 0.2, .batch_size = 4});
  bytes.setup("fit");
  const Batch batch = batches(bytes.val_dataloader()).front();
  CHECK(batch[0].tensor().narrow(1, 1, 7).equal(batch[1].tensor().narrow(1, 0, 7)));
  CHECK(batch[0].tensor()[0][0].item<std::int64_t>() == 'a');
  TextDataModule characters({.path = path, .encoding = "chars", .vocab_size = 3, .block_size = 4});
  characters.setup("fit");
  CHECK(batches(characters.predict_dataloader()).front()[0].tensor()[0].equal(at::tensor({0, 2, 1, 0}, at::kLong)));
  TextDataModule few({.path = path, .encoding = "chars", .vocab_size = 2});
  CHECK_THROWS_WITH(few.setup("fit"), "TextDataModule: the text has 3 different tokens, vocab_size is 2; set it to 3, here and in the model");
  const CharVocabulary vocabulary(text, path);
  CHECK(vocabulary.decode({1, 2, 0}) == "bña");
}
