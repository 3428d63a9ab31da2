"""Features made of degrees, for graphs that come without any."""

from __future__ import annotations

import torch
from torch import Tensor

from graph_distillery.methods.contract.sparse import SparseMatrix


def one_hot(values: Tensor, width: int | None = None) -> SparseMatrix:
    """[items, width] with a one in the column of each value ([items] int64); by default as wide as needed."""
    count = values.numel()
    columns = int(values.max()) + 1 if width is None else width
    return SparseMatrix(torch.arange(count + 1), values, torch.ones(count), (count, columns))


def binary_digits(values: Tensor) -> Tensor:
    """How many binary digits each number has: 0 for 0, 1 for 1, 2 for 2 and 3, 3 for 4 to 7, ..."""
    return torch.bucketize(values, 2 ** torch.arange(63), right=True)
