// Keeps the best model by validation loss: one file, replaced whenever `val_loss` improves.
#include "lit_regressor.h"

int main() {
  return levin::run([] {
    train_and_list({.dirpath = "checkpoints/best",
                    .filename = "best-{epoch}-{val_loss:.3f}",
                    .monitor = "val_loss",
                    .verbose = true,
                    .save_top_k = 1,
                    .mode = "min"},
                   /*epochs=*/5);
  });
}
