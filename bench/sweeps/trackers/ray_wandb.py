"""Ray's logger callback for Weights & Biases."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psutil
import wandb
from ray.air.integrations.wandb import WandbLoggerCallback
from ray.tune.result import TRAINING_ITERATION

#: Seconds for W&B's server to take up a run, and to take in what is left of one that is over.
PATIENCE_S = 30.0


class Wandb(WandbLoggerCallback):
    """Runs that this process keeps.

    Ray's own starts two processes for every trial, where an error is never seen, a run that failed ends like one
    that did not, and what is written offline goes with the trial's folder.
    """

    def __init__(self, project: str, team: str | None) -> None:
        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_code=True,
            disable_git=True,
            x_disable_meta=True,  # among them the command line
            x_disable_machine_info=True,
            x_disable_stats=True,
            x_save_requirements=False,
            init_timeout=PATIENCE_S,
            finish_timeout=PATIENCE_S,
        )
        super().__init__(project=project, entity=team, reinit="create_new", settings=settings)
        self._runs: dict[Any, Any] = {}
        self._others = _services()

    def _start_logging_actor(self, trial: Any, exclude_results: list[str], **wandb_init_kwargs: Any) -> None:
        self._runs[trial] = wandb.init(**wandb_init_kwargs)

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        numbers = {name: value for name, value in result.items() if name != TRAINING_ITERATION}
        self._runs[trial].log(numbers, step=result[TRAINING_ITERATION])

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        self._runs.pop(trial).finish(exit_code=int(failed))

    def _cleanup_logging_actors(self, timeout: int = 0, kill_on_timeout: bool = False) -> None:
        """There are none."""

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if _services() - self._others:
            wandb.teardown()

    def abandon(self) -> None:
        """End W&B's service, for which the process would else wait at its end; the runs' files stay, to be synced."""
        ours = _services() - self._others
        for service in ours:
            with suppress(psutil.NoSuchProcess):  # it ended by itself
                service.kill()
        psutil.wait_procs(ours, timeout=5)
        if ours:
            with suppress(Exception, SystemExit):  # it says that the service is gone, and forgets it
                wandb.teardown()


def _services() -> set[psutil.Process]:
    """W&B's processes that belong to this one."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            found |= {child} if "wandb-core" in child.name() else set()
    return found
