#include "datasets.h"
#include "support/catch.h"

using namespace levin;
using namespace levin::testing;

TEST_CASE("gathered rows are what index_select gives, for any type, shape and stride") {
  const std::vector<std::int64_t> orders[] = {{0, 1, 2, 3}, {6, 0, 3, 4, 5, 3}, {2},
                                              {},           {1, 1, 1},          {6, 5, 4}};
  for (const auto dtype : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf,
                           at::kBFloat16, at::kFloat, at::kDouble, at::kBool, at::kComplexFloat}) {
    const at::Tensor base = (at::arange(7 * 12) % 100).to(dtype);
    for (const at::Tensor& tensor :
         {base.slice(0, 0, 7), base.view({7, 12}), base.view({7, 3, 4}), base.view({12, 7}).t(),
          base.view({7, 12}).slice(1, 2, 9), base.view({7, 12}).slice(1, 0, 0),
          base.view({7, 12}).select(1, 0), base.slice(0, 3, 4).expand({7, 1})}) {
      for (const auto& order : orders) {
        CAPTURE(dtype, tensor.sizes(), tensor.strides(), order);
        const at::Tensor expected = at::index_select(tensor, 0, at::tensor(order, at::kLong));
        const at::Tensor rows = gather_rows(tensor, order);
        CHECK(rows.scalar_type() == tensor.scalar_type());
        CHECK(rows.sizes() == expected.sizes());
        CHECK(at::equal(rows, expected));
      }
    }
  }
}

TEST_CASE("a batch too large for plain copying is gathered alike") {
  const at::Tensor wide = at::arange(40 * 40000, at::kFloat).view({40, 40000});
  const std::vector<std::int64_t> order{39, 0, 1, 7, 7, 3, 20, 21};
  CHECK(at::equal(gather_rows(wide, order), at::index_select(wide, 0, at::tensor(order))));
}

TEST_CASE("a lazily conjugated tensor is gathered by value") {
  const at::Tensor z = at::complex(at::arange(3, at::kDouble), at::ones(3, at::kDouble));
  const TensorDataset dataset({z.conj()});
  const std::vector<std::int64_t> all{0, 1, 2};
  CHECK(at::equal(at::imag(dataset.get_batch(all, {})[0].tensor()), -at::ones(3, at::kDouble)));
}

TEST_CASE("samples and batches are copies without history") {
  const at::Tensor x = at::arange(4, at::kFloat).set_requires_grad(true);
  const TensorDataset dataset({x});
  Generator generator;
  const at::Tensor sample = dataset.get(2, generator)[0];
  CHECK(sample.dim() == 0);
  CHECK_FALSE(sample.requires_grad());
  sample.fill_(-1);
  const std::vector<std::int64_t> run{1, 2, 3};
  const at::Tensor batch = dataset.get_batch(run, {})[0];
  CHECK(values(batch) == std::vector<double>{1, 2, 3});
  batch.fill_(-1);
  CHECK(values(x.detach()) == std::vector<double>{0, 1, 2, 3});
}

TEST_CASE("named tensors make dict batches") {
  const at::Tensor x = at::arange(6).view({3, 2}), y = at::arange(3);
  DataLoader loader(TensorDataset({{"image", x}, {"label", y}}), {.batch_size = 2});
  loader.start(1);
  Batch batch;
  REQUIRE(loader.next(batch));
  CHECK(values(batch["image"]) == std::vector<double>{4, 5});
  CHECK(values(batch["label"]) == std::vector<double>{2});
  CHECK_THROWS_WITH(TensorDataset({{"x", x}, {"x", y}}),
                    "TensorDataset: the name 'x' is given twice");
}

TEST_CASE("tensors that make no dataset are refused") {
  const at::Tensor x = at::zeros({3, 2}), y = at::zeros({4});
  CHECK_THROWS_WITH(
      TensorDataset({x, y}),
      "Size mismatch between tensors: their first dimensions must be equal, got sizes [3, 2], [4]");
  CHECK_THROWS_WITH(TensorDataset(std::vector<at::Tensor>{}),
                    "TensorDataset: needs at least one tensor");
  CHECK_THROWS_WITH(TensorDataset({x, at::zeros({})}),
                    "TensorDataset: tensor 1 is 0-dim; its first dimension must count the samples");
  CHECK_THROWS_WITH(
      TensorDataset({at::Tensor()}),
      "TensorDataset: tensor 0 is undefined; its first dimension must count the samples");
  const std::vector<std::int64_t> outside{0, 3};
  CHECK_THROWS_WITH(TensorDataset({x}).get_batch(outside, {}),
                    "index 3 is out of range for a dataset with 3 sample(s); indices start at 0");
}
