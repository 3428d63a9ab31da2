"""Values as words: durations, scores, hyperparameters, counts. Pure; what writes them is the command line's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def duration(seconds: float | None) -> str:
    """`85.0` as `1 min 25 s`; a dash where it is unknown."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def score(value: float | None) -> str:
    """A fraction with four digits."""
    return "-" if value is None else f"{value:.4f}"


def settings(values: Mapping[str, Any]) -> str:
    """`alpha=0.832 lr=0.004`: hyperparameters in a line."""
    return " ".join(f"{name}={brief(value)}" for name, value in values.items()) or "-"


def brief(value: Any) -> str:
    """A value as YAML writes it, floats to three digits."""
    if isinstance(value, float):
        return f"{value:.3g}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def spans(numbers: Sequence[int]) -> str:
    """`0, 1, 2, 5` as `0-2, 5`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def count(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
