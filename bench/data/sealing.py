"""What tuning has read of the items that report runs are tested on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.splits import make_split, published_number
from graph_distillery.bench.errors import UserError


def seen_in_tuning(dataset: Dataset, split: str, tuning: Sequence[int], report: Sequence[int]) -> dict[int, float]:
    """By report seed: the share of its test items whose labels tuning has read, for training or for validation.

    dataset: the one whose items the split numbers. Measured from the items themselves; 0 where `tuning` is empty.

    Raises:
        UserError: a split cannot be made.
    """
    read = torch.zeros(dataset.num_items, dtype=torch.bool)
    for seed in tuning:
        _, made = make_split(dataset, split, seed)
        read[made.train] = True
        read[made.val] = True
    return {seed: float(read[make_split(dataset, split, seed)[1].test].double().mean()) for seed in report}


def check_rotation(dataset: Dataset, split: str, tuning: Sequence[int], report: Sequence[int]) -> None:
    """Raises UserError where several seeds take one of several published splits, which would count it twice.

    Where but one split was published, the seeds are initialisations alone, and may be many.
    """
    count = len(dataset.fixed_splits.get(split, ()))
    if count < 2:
        return
    for field, seeds in (("report.seeds", report), ("search.seeds", tuning)):
        taken: dict[int, int] = {}
        for seed in seeds:
            number = published_number(seed, count)
            if number in taken:
                both = f"seeds {taken[number]} and {seed} are both split {number} of the {count} {split!r} splits"
                raise UserError(
                    f"{field}: {both} of {dataset.name!r}, which would count it twice; name at most {count}, such "
                    f"as 0 to {count - 1}"
                )
            taken[number] = seed


def shared_splits(dataset: Dataset, split: str, tuning: Sequence[int], report: Sequence[int]) -> list[int]:
    """Numbers of the published splits that both tuning and report seeds take, ascending."""
    count = len(dataset.fixed_splits.get(split, ()))
    if count < 2:
        return []
    return sorted({published_number(s, count) for s in tuning} & {published_number(s, count) for s in report})
