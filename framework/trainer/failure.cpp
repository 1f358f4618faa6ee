// What is done when an error leaves a run, a SIGTERM among them.
#include "levin/framework/base/console.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/launch/error_file.h"
#include "levin/framework/trainer/preemption.h"
#include "levin/framework/trainer/trainer_impl.h"

namespace levin {

// All that is done about an error; the result is the one to go on with.
std::exception_ptr Trainer::Impl::fail(std::exception_ptr error) {
  const auto look_at = [&](auto&& look) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      look(e);
    } catch (...) {
      look(RuntimeError("something was thrown that is no std::exception"));
    }
  };
  // All ranks have agreed on this one, so they still can do something together.
  look_at([&](const std::exception& e) {
    if (dynamic_cast<const SIGTERMException*>(&e)) save_for_requeue();
  });
  error = run.strategy->leave_group(error);
  look_at([&](const std::exception& e) {
    const bool asked_for = dynamic_cast<const SIGTERMException*>(&e) || dynamic_cast<const KeyboardInterrupt*>(&e);
    if (!asked_for) write_error_file(e);
    handle_exception(e);
  });
  return error;
}

void Trainer::Impl::handle_exception(const std::exception& error) {
  const auto abandon = [this] {
    run.metric_log.abandon();
    run.stage = Stage::none;
  };
  status = TrainerStatus::interrupted;
  if (dynamic_cast<const KeyboardInterrupt*>(&error)) rank_zero_info("Detected KeyboardInterrupt, attempting graceful shutdown ...");
  if (!run.module->link()) return abandon();  // nothing has begun
  LEVIN_CALL_CALLBACKS(run, on_exception, error);
  if (run.datamodule) run.datamodule->on_exception(error);
  on_rank_zero(run, [](Logger& logger) { logger.finalize("failed"); });
  // The first error is the one that the caller gets.
  try {
    internal_teardown();
  } catch (const std::exception& second) {
    console_error(std::string("The run was not wound down: ") + second.what());  // a device that failed does nothing any more
  }
  try {
    run.strategy->checkpoint_io().teardown();
  } catch (const std::exception& second) {
    console_error(std::string("A checkpoint was not saved: ") + second.what());
  }
  abandon();
}

// The loop has stopped at a step boundary, so the state is whole.
void Trainer::Impl::save_for_requeue() {
  if (run.fn != TrainerFn::fit) return;
  try {
    const std::string path = run.strategy->on_rank_zero([&] { return Value(next_hpc_checkpoint(run.trainer.default_root_dir())); }).as_string();
    run.trainer.save_checkpoint(path);
    run.strategy->checkpoint_io().teardown();
    rank_zero_info("Saved " + path + "; `ckpt_path=\"hpc\"` or `\"last\"` goes on from there.");
    if (signals::requeue_asked() && in_slurm_job() && run.strategy->is_global_zero()) requeue_slurm_job();
  } catch (const std::exception& error) {
    console_error(std::string("No checkpoint could be saved on SIGTERM: ") + error.what());
  }
}

}  // namespace levin
