"""How a student is optimised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class OptimiserSettings:
    """How the student is trained; part of the model's search space, not of the method's.

    patience: epochs without a better validation score before training stops; 0 never stops early.
    batch_size: items a step (graphs in graph classification and on many graphs); None takes all at once.
    clip: the greatest 2-norm of a step's gradient, which is scaled down to it; None leaves gradients as they are.
    """

    lr: float = 0.01
    weight_decay: float = 0.0
    epochs: int = 200
    patience: int = 50
    batch_size: int | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, one line, where a value is out of bounds."""
        for name in ("lr", "weight_decay", "clip"):
            value = getattr(self, name)
            if name == "clip" and value is None:
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (name != "weight_decay" and value == 0):
                bound = "of at least 0" if name == "weight_decay" else "above 0"
                raise ValueError(f"{name} must be a number {bound}, got {value!r}")
        for name, low in (("epochs", 0), ("patience", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if name == "batch_size" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")


def adam(parameters: Any, settings: OptimiserSettings) -> torch.optim.Adam:
    """Adam with L2 regularisation, in the fused form (twice as fast on small models)."""
    return torch.optim.Adam(list(parameters), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
