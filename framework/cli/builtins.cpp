// The classes that every configuration file can name.
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/gradient_accumulation_scheduler.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/model_summary.h"
#include "levin/callbacks/on_exception_checkpoint.h"
#include "levin/callbacks/progress_bar.h"
#include "levin/callbacks/timer.h"
#include "levin/framework/cli/registry.h"
#include "levin/framework/models/conv_classifier.h"
#include "levin/framework/models/csv_data_module.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/models/image_folder_data_module.h"
#include "levin/framework/models/mlp.h"
#include "levin/framework/models/npy_data_module.h"
#include "levin/framework/models/resnet.h"
#include "levin/framework/models/text_data_module.h"
#include "levin/loggers/csv_logger.h"

namespace levin {

void register_builtins() {
  static const bool done = [] {
    register_class<ConvClassifier>("ConvClassifier");
    register_class<GPT>("GPT");
    register_class<MLP>("MLP");
    register_class<ResNet>("ResNet");
    register_class<CsvDataModule>("CsvDataModule");
    register_class<ImageFolderDataModule>("ImageFolderDataModule");
    register_class<NpyDataModule>("NpyDataModule");
    register_class<TextDataModule>("TextDataModule");
    register_class<EarlyStopping>("EarlyStopping");
    register_class<OnExceptionCheckpoint>("OnExceptionCheckpoint");
    register_class<GradientAccumulationScheduler>("GradientAccumulationScheduler");
    register_class<ModelCheckpoint>("ModelCheckpoint");
    register_class<ModelSummary>("ModelSummary");
    register_class<TQDMProgressBar>("TQDMProgressBar");
    register_class<Timer>("Timer");
    register_class<CSVLogger>("CSVLogger");
    return true;
  }();
  (void)done;
}

}  // namespace levin
