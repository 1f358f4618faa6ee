#!/usr/bin/env python3
"""Writes random scenarios beyond generate.py's, in the same form: combinations of what its families keep apart.

    generate_more.py --seed 7 --count 100 > scenarios.jsonl

Several ModelCheckpoints over several runs, time triggers at their ends (0 and 1 hour), manual optimisation with
several optimizers, saves in it, accumulation with step triggers, validation counted over epochs, several validation
loaders that are monitored, loaders reloaded, overfitting, epochs skipped from on_train_batch_start, exceptions that
save, resumes of resumes with other arguments, evaluation with ckpt_path.
"""
import argparse
import json
import random

from generate import NAMES, base, checkpoint_args, log_items, metric_values


def checkpoints(r, monitors):
    """1 to 3 ModelCheckpoints, mostly of different state keys."""
    made = []
    for _ in range(r.choice([1, 2, 2, 3])):
        a = checkpoint_args(r, monitors)
        if r.random() < 0.25:
            for key in ("every_n_epochs", "every_n_train_steps"):
                a.pop(key, None)
            a["train_time_interval"] = r.choice([{"seconds": 0}, {"hours": 1}])
        if r.random() < 0.3:
            a["save_on_exception"] = True
        made.append({"class": "ModelCheckpoint", "init_args": a})
    return made


def validation(r, s):
    """Loaders and the time of validation."""
    t = s["trainer"]
    if r.random() < 0.4:
        s["data"]["val"] = r.choice([[2, 1], [1, 3], [2, 2, 1]])
        s["module"]["val_log"] = log_items(r, "val", NAMES, True)
        for item in s["module"]["val_log"]:
            if r.random() < 0.2:
                item["kwargs"]["add_dataloader_idx"] = False
    if r.random() < 0.3:
        t["val_check_interval"], t["check_val_every_n_epoch"] = r.choice([2, 5, 8, 11]), None
    if r.random() < 0.15:
        t["reload_dataloaders_every_n_epochs"] = r.choice([1, 2])
    if r.random() < 0.15:
        t["overfit_batches"] = r.choice([1, 2, 0.5])


def optimisation(r, s):
    m, t = s["module"], s["trainer"]
    if r.random() < 0.3:
        m["automatic_optimization"], m["manual_steps"] = False, r.choice([1, 2])
        m["optimizers"] = r.choice([1, 2, 3])
        for key in ("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"):
            t.pop(key, None)
        return
    if r.random() < 0.4:
        t["accumulate_grad_batches"] = r.choice([2, 3, 4])
    elif r.random() < 0.2:
        t.pop("accumulate_grad_batches", None)
        s["callbacks"].append({"class": "GradientAccumulationScheduler",
                               "init_args": {"scheduling": r.choice([{"0": 2, "1": 1}, {"1": 3}, {"0": 1, "2": 2}])}})
    if r.random() < 0.4:
        m["lr_scheduler"] = r.choice([
            {"class": "StepLR", "init_args": {"step_size": 2, "gamma": 0.5},
             "config": {"interval": r.choice(["epoch", "step"]), "frequency": r.choice([1, 2, 3])}},
            {"class": "ReduceLROnPlateau", "init_args": {"factor": 0.5, "patience": r.choice([0, 1])},
             "config": {"monitor": r.choice(["val_loss", "train_loss"]), "interval": r.choice(["epoch", "step"]),
                        "frequency": r.choice([1, 2]), "strict": r.choice([True, False, False])}}])
    if r.random() < 0.3:
        m["optimizer"] = r.choice([{"class": "Adam", "lr": 0.05, "amsgrad": True},
                                   {"class": "SGD", "lr": 0.05, "momentum": 0.9, "nesterov": True},
                                   {"class": "AdamW", "lr": 0.05, "weight_decay": 0.1}])


def interruptions(r, s):
    m = s["module"]
    if r.random() < 0.3:
        m["raise"] = {"in": r.choice(["training_step", "training_step", "validation_step"]),
                      "at": r.choice([0, 1, 2, 4, 6, 9]), "type": r.choice(["Boom", "Boom", "KeyboardInterrupt"])}
    if r.random() < 0.15:
        m["stop_at_steps"] = [r.choice([1, 3, 5, 8])]
    if r.random() < 0.2 and s["trainer"]["max_epochs"] != -1:  # the index stays: every later epoch is skipped too
        m["skip_epoch_at"] = r.sample(range(12), r.choice([1, 2]))
    if r.random() < 0.15:
        m["skip_steps"] = r.sample(range(1, 10), 3)
    if r.random() < 0.25:
        s["callbacks"].insert(r.choice([0, len(s["callbacks"])]), {"class": "EarlyStopping", "init_args": {
            "monitor": r.choice(["val_loss", "score", "train_loss"]), "patience": r.choice([0, 1, 2]),
            "mode": r.choice(["min", "max"]), "strict": r.choice([True, False]),
            **({"check_on_train_epoch_end": r.choice([True, False])} if r.random() < 0.5 else {}),
            **({"stopping_threshold": r.choice([1.0, 5.0])} if r.random() < 0.2 else {}),
            **({"divergence_threshold": 8.0} if r.random() < 0.2 else {})}})


def further_runs(r, s):
    """Resumes, resumes of resumes, and evaluation."""
    runs = [{"fn": "fit"}]
    resume = [c["init_args"] for c in s["callbacks"] if c["class"] == "ModelCheckpoint"]
    if r.random() < 0.6:
        for n in range(r.choice([1, 1, 2])):
            changes = {"max_epochs": r.choice([2, 4, 6]), "max_steps": r.choice([-1, -1, 15])}
            if r.random() < 0.2:
                changes["limit_train_batches"] = r.choice([2, 3, 1.0])
            if r.random() < 0.2:
                changes["accumulate_grad_batches"] = 1
            runs.append({"fn": "fit", "ckpt_path": r.choice(["ckpts/last.ckpt", "ckpts/last.ckpt", None]),
                         "trainer": changes, "module": {"raise": None} if r.random() < 0.8 else {}})
        if r.random() < 0.9:
            resume[0].update(save_last=True, dirpath="ckpts")
            resume[0].pop("save_weights_only", None)
    if r.random() < 0.3:
        runs.append({"fn": r.choice(["validate", "test", "predict"]), "fresh_module": r.choice([True, False]),
                     "ckpt_path": r.choice([None, "ckpts/last.ckpt"]),
                     "trainer": r.choice([{}, {"limit_test_batches": 1}, {"limit_predict_batches": 0.5}])})
    s["runs"] = runs


def scenario(r, i, seed):
    s = base(r, i, "more", seed)
    s["module"]["test_log"] = [{"name": "test_loss"}, {"name": "t", "values": metric_values(r)}]
    monitors = NAMES + r.choice([["train_loss"], ["val_loss/dataloader_idx_0", "score/dataloader_idx_1"], []])
    s["callbacks"] = checkpoints(r, monitors)
    validation(r, s)
    optimisation(r, s)
    interruptions(r, s)
    further_runs(r, s)
    if r.random() < 0.1:
        s["logger"] = False
    return s


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, required=True)
    ap.add_argument("--count", type=int, default=100)
    a = ap.parse_args()
    r = random.Random(f"{a.seed}-more")
    for i in range(a.count):
        print(json.dumps(scenario(r, i, a.seed)))


if __name__ == "__main__":
    main()
