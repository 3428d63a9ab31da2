"""Ray's own logger callbacks for TensorBoard, MLflow and Weights & Biases, told of runs that are no Tune trials.

A callback takes from a trial what `Shown` has. It needs no Ray that runs, so that any executor's sweep can be told of.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback
from ray.tune.result import TRAINING_ITERATION

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget


class Shown:
    """What a callback sees of a run in the place of a Tune trial; folder: where its own files go."""

    def __init__(self, name: str, folder: Path, experiment: str, config: Mapping[str, Any]) -> None:
        self.trial_id = secrets.token_hex(8)
        self.name, self.experiment_dir_name, self.local_path = name, experiment, str(folder)
        self.config = self.evaluated_params = dict(config)

    def init_local_path(self) -> None:
        os.makedirs(self.local_path, exist_ok=True)

    def __str__(self) -> str:
        return self.name


class RayLogbook:
    """One callback with the runs that are open. experiment: under what all of them stand."""

    def __init__(self, callback: LoggerCallback, folder: Path, experiment: str) -> None:
        self._callback, self._folder, self._experiment = callback, folder, experiment
        self._runs: dict[str, Any] = {}

    def open(self) -> None:
        self._callback.setup()

    def begin(self, run: str, name: tuple[str, str], config: Mapping[str, Any]) -> None:
        self._runs[run] = Shown(" ".join(name), self._folder.joinpath(*name), self._experiment, config)
        self._callback.log_trial_start(self._runs[run])

    def step(self, run: str, number: int, result: Mapping[str, float]) -> None:
        self._callback.log_trial_result(number, self._runs[run], {**result, TRAINING_ITERATION: number})

    def end(self, run: str, failed: bool) -> None:
        self._callback.log_trial_end(self._runs.pop(run), failed)

    def close(self) -> None:
        self._callback.on_experiment_end([])

    def abandon(self) -> None:
        if hasattr(self._callback, "abandon"):
            self._callback.abandon()


def open_logbook(track: TrackerTarget, experiment: str) -> RayLogbook:
    """Raises UserError where the library does not load, or W&B has no key."""
    folder = Path(track.target if track.tracker == "tensorboard" else ".") / experiment
    try:
        callback = _callback(track, experiment)
        if track.tracker == "wandb":
            callback.setup()  # looks for a key and asks no server
    except (ImportError, RuntimeError) as error:
        raise UserError(f"{track}: does not load: {str(error).splitlines()[0]}") from None
    except ValueError:
        raise UserError(
            f"{track}: no key; set WANDB_API_KEY or call `wandb login`, or set WANDB_MODE=offline"
        ) from None
    return RayLogbook(callback, folder, experiment)


def _callback(track: TrackerTarget, experiment: str) -> LoggerCallback:
    """Loads no library but the one that is asked for; each takes seconds."""
    if track.tracker == "tensorboard":
        from graph_distillery.bench.sweeps.trackers.ray_tensorboard import TensorBoard

        return TensorBoard()
    if track.tracker == "mlflow":
        from graph_distillery.bench.sweeps.trackers.ray_mlflow import MLflow

        return MLflow(track.target, experiment)
    from graph_distillery.bench.sweeps.trackers.ray_wandb import Wandb

    team, _, project = track.target.rpartition("/")
    return Wandb(project, team or None)
