"""What a student says of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Prediction:
    """Predictions of some items.

    items: [count] int64, their numbers in the graph that was given. logits: [count, classes]. probabilities: [count,
    classes], which sum to 1 where an item has one class, and are each label's own where it has a set of them; of
    binary tasks the one column is the probability of 1. classes: [count] int64, or [count, labels] bool for sets.
    class_names: the word of each class, where the labels of the training data were words.
    """

    items: Tensor
    logits: Tensor
    probabilities: Tensor
    classes: Tensor
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, items: Tensor, logits: Tensor, labels: str, class_names: tuple[str, ...] = ()) -> Prediction:
        """labels: `class`, `set` or `binary`, as the task has it."""
        if labels == "class":
            return cls(items, logits, logits.double().softmax(1).float(), logits.argmax(1), class_names)
        probabilities = logits.double().sigmoid().float()
        classes = logits > 0
        return cls(items, logits, probabilities, classes if labels == "set" else classes.squeeze(-1).long())

    def __len__(self) -> int:
        return int(self.items.numel())

    def to_frame(self) -> pd.DataFrame:
        """A row per item: `item`, `class` (of sets their numbers, joined by spaces), `class_name` where classes have
        names, and `p0`, `p1`, .."""
        import pandas as pd

        if self.classes.dim() > 1:
            said: list[object] = [" ".join(map(str, row.nonzero().flatten().tolist())) for row in self.classes]
        else:
            said = list(self.classes.tolist())
        columns = {f"p{number}": column.numpy() for number, column in enumerate(self.probabilities.T)}
        names = {"class_name": [self.class_names[each] for each in self.classes.tolist()]} if self.class_names else {}
        return pd.DataFrame({"item": self.items.numpy(), "class": said, **names, **columns})


def whole_numbers(items: Tensor | list[int] | None, count: int, noun: str) -> Tensor:
    """[chosen] int64: the items asked for, all where None. Raises ValueError where one is not there."""
    if items is None:
        return torch.arange(count)
    chosen = torch.as_tensor(items, dtype=torch.long).flatten()
    outside = (chosen < 0) | (chosen >= count)
    if bool(outside.any()):
        raise ValueError(f"{noun} {int(chosen[outside][0])} is not there; they are 0 to {count - 1:,}")
    return chosen
