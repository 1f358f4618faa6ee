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
#include "levin/callbacks/rich_progress_bar.h"
#include "levin/callbacks/stochastic_weight_averaging.h"
#include "levin/callbacks/throughput_monitor.h"
#include "levin/callbacks/timer.h"
#include "levin/callbacks/tqdm_progress_bar.h"
#include "levin/callbacks/weight_averaging.h"
#include "levin/framework/cli/optimizer_registry.h"
#include "levin/framework/metrics/accuracy.h"
#include "levin/framework/metrics/aggregation.h"
#include "levin/framework/metrics/auroc.h"
#include "levin/framework/metrics/confusion_matrix.h"
#include "levin/framework/metrics/f1_score.h"
#include "levin/framework/metrics/mean_absolute_error.h"
#include "levin/framework/metrics/mean_squared_error.h"
#include "levin/framework/metrics/perplexity.h"
#include "levin/framework/metrics/precision_recall.h"
#include "levin/framework/metrics/r2_score.h"
#include "levin/framework/models/conv_classifier.h"
#include "levin/framework/models/csv_data_module.h"
#include "levin/framework/models/gpt.h"
#include "levin/framework/models/image_folder_data_module.h"
#include "levin/framework/models/mlp.h"
#include "levin/framework/models/npy_data_module.h"
#include "levin/framework/models/resnet.h"
#include "levin/framework/models/text_data_module.h"
#include "levin/framework/strategies/ddp_strategy.h"
#include "levin/framework/strategies/ddp_zero1_strategy.h"
#include "levin/loggers/csv_logger.h"
#include "levin/loggers/jsonl_logger.h"
#include "levin/loggers/tensorboard_logger.h"

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
    register_class<RichProgressBar>("RichProgressBar");
    register_class<PredictionWriter>("PredictionWriter");
    register_class<StochasticWeightAveraging>("StochasticWeightAveraging");
    register_class<ThroughputMonitor>("ThroughputMonitor");
    register_class<TQDMProgressBar>("TQDMProgressBar");
    register_class<Timer>("Timer");
    register_class<WeightAveraging>("WeightAveraging");
    register_class<CSVLogger>("CSVLogger");
    register_class<metrics::CatMetric>("CatMetric");
    register_class<metrics::MaxMetric>("MaxMetric");
    register_class<metrics::MeanMetric>("MeanMetric");
    register_class<metrics::MinMetric>("MinMetric");
    register_class<metrics::SumMetric>("SumMetric");
    register_class<metrics::Accuracy>("Accuracy");
    register_class<metrics::AUROC>("AUROC");
    register_class<metrics::ConfusionMatrix>("ConfusionMatrix");
    register_class<metrics::F1Score>("F1Score");
    register_class<metrics::MeanAbsoluteError>("MeanAbsoluteError");
    register_class<metrics::MeanSquaredError>("MeanSquaredError");
    register_class<metrics::Perplexity>("Perplexity");
    register_class<metrics::Precision>("Precision");
    register_class<metrics::Recall>("Recall");
    register_class<metrics::R2Score>("R2Score");
    register_class<JSONLLogger>("JSONLLogger");
    register_class<TensorBoardLogger>("TensorBoardLogger");
    register_class<DDPStrategy>("DDPStrategy");
    register_class<DDPZero1Strategy>("DDPZero1Strategy");
    register_builtin_optimizers();
    return true;
  }();
  (void)done;
}

}  // namespace levin
