// Keeps the latest state: `last.ckpt` beside the newest checkpoint, to resume from with ckpt_path = "last".
#include "lit_regressor.h"

int main() {
  return levin::run([] {
    train_and_list({.dirpath = "checkpoints/latest", .verbose = true, .save_last = true}, /*epochs=*/5);
  });
}
