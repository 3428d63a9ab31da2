"""What `--track` may ask for, checked before anything is written and without loading a tracker's library."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written
from graph_distillery.near_names import unknown_line

#: By tracker, which is also the extra's name: the module that it needs, and how its target is written.
TRACKERS = {
    "tensorboard": ("tensorboardX", "tensorboard=DIR"),
    "mlflow": ("mlflow", "mlflow=URI"),
    "wandb": ("wandb", "wandb=PROJECT or wandb=TEAM/PROJECT"),
}
_MLFLOW = "sqlite:///FILE, postgresql://..., http://HOST:PORT or databricks"
_URI = re.compile(r"(?:sqlite|postgresql|mysql|mssql)(?:\+\w+)?:///?.+|https?://[^/]+.*|databricks(?:://.+)?")


@dataclass(frozen=True)
class TrackerTarget:
    """A tracker and where it keeps its runs: a folder, a URI, a project."""

    tracker: str
    target: str

    def __str__(self) -> str:
        """Without the target, which from the environment may hold a password."""
        return f"--track {self.tracker}"


def check_trackers(texts: Sequence[str]) -> tuple[TrackerTarget, ...]:
    """Each `TRACKER=TARGET`, once. UserError where one is not in order, or its library is not installed."""
    trackers: dict[str, TrackerTarget] = {}
    for text in texts:
        name, _, target = text.partition("=")
        if name not in TRACKERS:
            raise UserError(f"--track: {unknown_line('tracker', name, TRACKERS)}")
        if name in trackers:
            raise UserError(f"--track {name}: named twice")
        if not target and name == "mlflow":
            target = os.environ.get("MLFLOW_TRACKING_URI", "")
            trackers[name] = TrackerTarget(name, _uri(target, "MLFLOW_TRACKING_URI"))
        elif not target:
            raise UserError(f"--track {name}: write --track {TRACKERS[name][1]}")
        else:
            trackers[name] = TrackerTarget(name, _CHECKS[name](target))
        for module in ("ray", TRACKERS[name][0]):
            if find_spec(module) is None:
                raise UserError(f"--track {name}: {module} is not installed; pip install '.[{name}]' in a checkout")
    return tuple(trackers.values())


def _folder(target: str) -> str:
    return str(can_be_written(Path(target), f"--track tensorboard={target}"))


def _uri(target: str, source: str | None = None) -> str:
    if source is not None and not target:
        raise UserError(f"--track mlflow: write --track mlflow=URI, or set {source}; a URI is {_MLFLOW}")
    if not _URI.fullmatch(target):
        raise UserError(f"{source or '--track mlflow'}: not a URI that MLflow can keep runs at; write {_MLFLOW}")
    if source is None and re.match(r"[^:]+://[^/@]*:[^/@]*@", target):
        raise UserError("--track mlflow: no password on the command line; put the URI into MLFLOW_TRACKING_URI")
    return target


def _project(target: str) -> str:
    if not re.fullmatch(r"(?:[\w-]+/)?[\w. -]{1,128}", target):
        raise UserError(f"--track wandb={target}: write wandb=PROJECT or wandb=TEAM/PROJECT")
    return target


_CHECKS = {"tensorboard": _folder, "mlflow": _uri, "wandb": _project}
