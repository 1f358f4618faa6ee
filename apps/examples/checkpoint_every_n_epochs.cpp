// Keeps every second epoch, all of them, with epoch and step in the names.
#include "lit_regressor.h"

int main() {
  return levin::run([] {
    train_and_list({.dirpath = "checkpoints/every_second",
                    .filename = "{epoch}-{step}",
                    .verbose = true,
                    .save_top_k = -1,
                    .every_n_epochs = 2},
                   /*epochs=*/6);
  });
}
