// The classes that every configuration file can name.
#include "levin/callbacks/backbone_finetuning.h"
#include "levin/callbacks/device_stats_monitor.h"
#include "levin/callbacks/early_stopping.h"
#include "levin/callbacks/ema_weight_averaging.h"
#include "levin/callbacks/gradient_accumulation_scheduler.h"
#include "levin/callbacks/lambda_callback.h"
#include "levin/callbacks/learning_rate_monitor.h"
#include "levin/callbacks/model_checkpoint.h"
#include "levin/callbacks/model_summary.h"
#include "levin/callbacks/on_exception_checkpoint.h"
#include "levin/callbacks/prediction_writer.h"
#include "levin/callbacks/progress_bar.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/callbacks/throughput_monitor.h"
#include "levin/callbacks/timer.h"
#include "levin/callbacks/weight_averaging.h"
#include "levin/framework/cli/registry.h"
#include "levin/framework/models/conv_classifier.h"
#include "levin/framework/models/csv_data_module.h"
#include "levin/loggers/csv_logger.h"

namespace levin {

void register_builtins() {
  static const bool done = [] {
    register_class<ConvClassifier>("ConvClassifier");
    register_class<CsvDataModule>("CsvDataModule");
    register_class<BackboneFinetuning>("BackboneFinetuning");
    register_class<DeviceStatsMonitor>("DeviceStatsMonitor");
    register_class<EarlyStopping>("EarlyStopping");
    register_class<EMAWeightAveraging>("EMAWeightAveraging");
    register_class<OnExceptionCheckpoint>("OnExceptionCheckpoint");
    register_class<GradientAccumulationScheduler>("GradientAccumulationScheduler");
    register_class<LambdaCallback>("LambdaCallback");
    register_class<LearningRateMonitor>("LearningRateMonitor");
    register_class<ModelCheckpoint>("ModelCheckpoint");
    register_class<ModelSummary>("ModelSummary");
    register_class<PredictionWriter>("PredictionWriter");
    register_class<StochasticWeightAveraging>("StochasticWeightAveraging");
    register_class<ThroughputMonitor>("ThroughputMonitor");
    register_class<TQDMProgressBar>("TQDMProgressBar");
    register_class<Timer>("Timer");
    register_class<WeightAveraging>("WeightAveraging");
    register_class<CSVLogger>("CSVLogger");
    return true;
  }();
  (void)done;
}

}  // namespace levin
