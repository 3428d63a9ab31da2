"""The values a hyperparameter may take: numbers, text, true/false and null, told apart by type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeGuard

from graph_distillery.near_names import did_you_mean, nearest
from graph_distillery.search_spaces.errors import shown

Scalar = bool | int | float | str | None

MAX_INTEGER = 2**53  # samplers keep every number as a float: beyond this, integers are no longer exact


def is_number(value: Any) -> TypeGuard[int | float]:
    """An int or a float; a bool is not a number here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scalar(value: Any) -> Scalar:
    """``value`` itself, or a ValueError that says why it cannot be a hyperparameter's value."""
    if is_number(value):
        return finite(value)
    if value is None or isinstance(value, bool | str):
        return value
    raise ValueError(f"expected a number, text, true/false or null, got {shown(value)}")


def finite(value: Any) -> int | float:
    """A finite number that a float can hold exactly enough, or a ValueError."""
    if not is_number(value):
        raise ValueError(f"expected a number, got {shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("expected an integer within 2^53")
    return value


def integer(value: Any) -> int:
    """An int (``5``, not ``5.0``), or a ValueError."""
    number = finite(value)
    if not isinstance(number, int):
        raise ValueError(f"expected an integer, got {shown(value)}")
    return number


def same(left: Any, right: Any) -> bool:
    """Equality that keeps true apart from 1, and lets 1 equal 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def position(value: Any, among: Iterable[Any]) -> int | None:
    """Where ``value`` stands in ``among``, by `same`; None when it does not."""
    return next((index for index, other in enumerate(among) if same(value, other)), None)


def like(value: Any, examples: tuple[Scalar, ...]) -> Scalar:
    """``value`` when its type is that of one of ``examples``, for a hyperparameter that is pinned and not
    tuned.

    Text that nearly equals an example is refused as a slip of the pen; other text passes.
    """
    checked = scalar(value)
    at = position(checked, examples)
    if at is not None:
        return examples[at]
    kinds = [_kind(example) for example in examples]
    kind = _kind(checked)
    if isinstance(checked, int) and kind == "an integer" and kind not in kinds and "a number" in kinds:
        return float(checked)
    if kind not in kinds:
        raise ValueError(f"expected {' or '.join(dict.fromkeys(kinds))}, got {shown(value)}")
    if isinstance(checked, str):
        close = nearest(checked, [example for example in examples if isinstance(example, str)])
        if close is not None:
            raise ValueError(f"{shown(value)} is not a choice; {did_you_mean(close)}")
    return checked


def _kind(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    return "an integer" if isinstance(value, int) else "a number"
