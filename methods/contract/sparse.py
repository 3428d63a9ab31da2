"""Sparse matrices in compressed rows, built once and multiplied often.

The backward pass of torch's own CSR product rebuilds the transpose on every call. A `SparseMatrix` keeps the transpose
beside the matrix, so that forward and backward are one product each, and lets the stored values be replaced for one
product (dropout on sparse features). In float32 on a CPU the product is written as a weighted sum of embeddings, whose
kernel is 1.5 to 4 times as fast as the CSR one, and 10 times in wide products.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from graph_distillery.methods.contract.columns import expand
from graph_distillery.methods.vectorised import program

# torch says once per process that CSR support is in beta; every product here relies on it knowingly.
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")


# What depends on the places alone, and so is shared by matrices that differ only in their values.
_PLACES = ("row_of_entry", "transpose", "repeated")


def lasting() -> torch.inference_mode:
    """Around what is kept for later: made in inference mode, autograd could not use it in training."""
    return torch.inference_mode(False)


@dataclass(frozen=True)
class SparseMatrix:
    """A real [rows, columns] matrix as CSR. It takes no gradient of its own; the dense factor does."""

    row_pointers: Tensor  # [rows + 1] int64
    columns: Tensor  # [nonzeros] int64, ascending within a row
    values: Tensor  # [nonzeros] float
    shape: tuple[int, int]
    _cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_entries(cls, rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> SparseMatrix:
        """From coordinates ([nonzeros] each); entries that name one place twice are added up."""
        places = torch.stack([rows, columns])
        matrix = torch.sparse_coo_tensor(places, values, shape, check_invariants=False)
        return cls.from_torch(matrix.coalesce())

    @classmethod
    def from_torch(cls, matrix: Tensor) -> SparseMatrix:
        """From a torch tensor of any layout, [rows, columns]."""
        csr = matrix if matrix.layout == torch.sparse_csr else matrix.to_sparse_csr()
        shape = (int(csr.shape[0]), int(csr.shape[1]))
        return cls(csr.crow_indices().long(), csr.col_indices().long(), csr.values(), shape)

    @property
    def nonzeros(self) -> int:
        return int(self.values.numel())

    @property
    def device(self) -> torch.device:
        return self.values.device

    @property
    def row_of_entry(self) -> Tensor:
        """[nonzeros] int64: the row of each stored entry."""
        if "row_of_entry" not in self._cache:
            with lasting():
                lengths = self.row_pointers.diff()
                rows = torch.arange(self.shape[0], device=self.device)
                self._cache["row_of_entry"] = torch.repeat_interleave(rows, lengths)
        return self._cache["row_of_entry"]

    def to_torch(self, values: Tensor | None = None) -> Tensor:
        """As a torch CSR tensor, with the stored values or with others in the same places."""
        return torch.sparse_csr_tensor(
            self.row_pointers,
            self.columns,
            self.values if values is None else values,
            self.shape,
            check_invariants=False,
        )

    def to_dense(self) -> Tensor:
        return self.to_torch().to_dense()

    def to(self, device: torch.device | str) -> SparseMatrix:
        target = torch.device(device)
        if target == self.device:
            return self
        return SparseMatrix(self.row_pointers.to(target), self.columns.to(target), self.values.to(target), self.shape)

    def with_values(self, values: Tensor) -> SparseMatrix:
        """The same places, other values ([nonzeros]); shares what was worked out about the places."""
        shared = {key: value for key, value in self._cache.items() if key in _PLACES}
        return SparseMatrix(self.row_pointers, self.columns, values, self.shape, shared)

    def knowing(
        self, row_of_entry: Tensor | None = None, transpose: tuple[Tensor, Tensor, Tensor] | None = None
    ) -> SparseMatrix:
        """The same matrix, told what is already known of its places: `row_of_entry`, `transposed_places`."""
        known = {"row_of_entry": row_of_entry, "transpose": transpose}
        told = {key: value for key, value in known.items() if value is not None}
        return SparseMatrix(self.row_pointers, self.columns, self.values, self.shape, self._cache | told)

    def transposed_places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Row pointers and columns of the transpose, and where each of its entries stands in this matrix."""
        if "transpose" not in self._cache:
            with lasting():
                made = self._transposed_by_scipy() if self.device.type == "cpu" else self._transposed_by_sorting()
                self._cache["transpose"] = made
        return self._cache["transpose"]

    def _transposed_by_scipy(self) -> tuple[Tensor, Tensor, Tensor]:
        """By counting, in a ninth of the time that sorting takes; the same order."""
        entries = np.arange(self.nonzeros)
        places = (entries, self.columns.numpy(), self.row_pointers.numpy())
        turned = csr_matrix(places, shape=self.shape).tocsc()
        pointers, rows = (torch.from_numpy(each).long() for each in (turned.indptr, turned.indices))
        return pointers, rows, torch.from_numpy(turned.data)

    def _transposed_by_sorting(self) -> tuple[Tensor, Tensor, Tensor]:
        order = torch.argsort(self.columns, stable=True)
        pointers = torch.zeros(self.shape[1] + 1, dtype=torch.long, device=self.device)
        torch.cumsum(torch.bincount(self.columns, minlength=self.shape[1]), 0, out=pointers[1:])
        return pointers, self.row_of_entry[order], order

    def transpose(self) -> SparseMatrix:
        pointers, columns, order = self.transposed_places()
        return SparseMatrix(pointers, columns, self.values.index_select(0, order), (self.shape[1], self.shape[0]))

    @property
    def transposed(self) -> SparseMatrix:
        """The transpose, made once and kept, for backward passes; its own products are kept with it."""
        if "transposed" not in self._cache:
            self._cache["transposed"] = self.transpose()
        found: SparseMatrix = self._cache["transposed"]
        return found

    def select_rows(self, rows: Tensor) -> SparseMatrix:
        """The given rows ([count] int64), in the given order."""
        entries, pointers = expand(self.row_pointers, rows)
        columns, values = (each.index_select(0, entries) for each in (self.columns, self.values))
        return SparseMatrix(pointers, columns, values, (rows.numel(), self.shape[1]))

    @classmethod
    def diagonal(cls, matrices: Sequence[SparseMatrix]) -> SparseMatrix:
        """[sum of rows, sum of columns]: the matrices, one at least, along the diagonal."""
        first = matrices[0]
        with lasting():
            counts, widths = (
                torch.tensor([0, *(size(each) for each in matrices)], device=first.device).cumsum(0)
                for size in (lambda each: each.nonzeros, lambda each: each.shape[1])
            )
            pointers = [each.row_pointers[1:] + filled for each, filled in zip(matrices, counts, strict=False)]
            places = [each.columns + start for each, start in zip(matrices, widths, strict=False)]
            return SparseMatrix(
                torch.cat([first.row_pointers[:1], *pointers]),
                torch.cat(places),
                torch.cat([each.values for each in matrices]),
                (sum(each.shape[0] for each in matrices), int(widths[-1])),
            )

    def repeated(self, times: int) -> SparseMatrix:
        """The places of this matrix so many times along the diagonal of a larger one, whose values are 0 until others
        are given; kept for the next time."""
        if self._cache.get("repeated", (0,))[0] != times:
            self._cache["repeated"] = (
                times,
                SparseMatrix.diagonal([self.with_values(torch.zeros_like(self.values))] * times),
            )
        found: SparseMatrix = self._cache["repeated"][1]
        return found

    def beside(self, dense: Tensor) -> SparseMatrix:
        """[rows, columns + width]: this matrix with [rows, width] dense columns to its right."""
        rows, width = dense.shape
        pointers = self.row_pointers + width * torch.arange(rows + 1, device=self.device)
        own = torch.arange(self.nonzeros, device=self.device) + width * self.row_of_entry
        added = (pointers[1:, None] + torch.arange(-width, 0, device=self.device)).flatten()
        columns = self.columns.new_empty(self.nonzeros + rows * width)
        columns[own] = self.columns
        columns[added] = torch.arange(self.shape[1], self.shape[1] + width, device=self.device).repeat(rows)
        values = self.values.new_empty(columns.shape)
        values[own], values[added] = self.values, dense.flatten()
        return SparseMatrix(pointers, columns, values, (rows, self.shape[1] + width))

    def matmul(self, dense: Tensor, values: Tensor | None = None) -> Tensor:
        """`self @ dense`: [rows, columns] x [columns, width] -> [rows, width], differentiable in `dense`.

        `values` ([nonzeros]) stand in for the stored ones in this product and in its backward pass.
        """
        if (several := program()) is not None:
            return several.product(self, dense, values)
        if not (dense.requires_grad and torch.is_grad_enabled()):  # entering autograd costs a fifth of a small product
            return self._times(dense, values)
        product: Tensor = _SparseProduct.apply(dense, self, values)
        return product

    __matmul__ = matmul

    def _csr(self) -> Tensor:
        if "csr" not in self._cache:
            self._cache["csr"] = self.to_torch()
        return self._cache["csr"]

    def _times(self, dense: Tensor, values: Tensor | None) -> Tensor:
        """The product itself, without autograd."""
        own = self.values if values is None else values
        if own.dtype == dense.dtype == torch.float32 and own.device.type == "cpu" and own.numel() and dense.numel():
            # Detached: of what asks for a gradient it would note where each entry went. 0, the mode: a sum.
            made: tuple[Tensor, ...] = torch.embedding_bag(
                dense.detach().contiguous(), self.columns, self.row_pointers, False, 0, False, own, True
            )
            return made[0]
        return (self._csr() if values is None else self.to_torch(values)) @ dense


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: SparseMatrix, values: Tensor | None) -> Tensor:
        ctx.matrix, ctx.values = matrix, values
        return matrix._times(dense, values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None, None
        matrix, values = ctx.matrix, ctx.values
        order = matrix.transposed_places()[2]
        replaced = None if values is None else values.index_select(0, order)
        return matrix.transposed.matmul(gradients[0], replaced), None, None
