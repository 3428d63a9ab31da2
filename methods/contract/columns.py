"""Named columns of nodes, edges and graphs, and the names of types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.near_names import unknown_line

#: By name, [rows, ...] each: a row for every node, every edge or every graph.
Columns = Mapping[str, Tensor]

#: The column that holds the types of nodes and of edges, [rows] int64.
TYPE = "type"
#: The columns of arcs that hold a weight each, [arcs], not negative; and what else is known of each, [arcs, width].
WEIGHT, ATTRIBUTES = "weight", "attributes"


@dataclass(frozen=True)
class TypeNames:
    """What the numbers in the columns `type` of nodes and edges stand for."""

    nodes: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()

    def edge(self, relation: str | int) -> int:
        """The number of an edge type given by its number or name.

        Raises:
            ValueError: there is no such type; one line with the nearest.
        """
        if isinstance(relation, int) and 0 <= relation < len(self.edges):
            return relation
        if relation in self.edges:
            return self.edges.index(str(relation))
        raise ValueError(unknown_line("edge type", str(relation), self.edges))


def cut(columns: Columns, rows: Tensor | slice) -> Columns:
    """The given rows of every column."""
    return {name: column[rows] for name, column in columns.items()} if columns else columns


def move(columns: Columns, device: torch.device | str) -> Columns:
    return {name: column.to(device) for name, column in columns.items()}


def padded(columns: Columns, count: int) -> Columns:
    """`count` rows appended for what has no value: 0, and -1 (no type) in the column of types."""
    return {
        name: torch.cat([column, column.new_full((count, *column.shape[1:]), -1 if name == TYPE else 0)])
        for name, column in columns.items()
    }


def check_rows(columns: Columns, rows: int, noun: str) -> None:
    """Raises ValueError, one line, where a column has not one row for each of what the noun names."""
    for name, column in columns.items():
        found = column.shape[0] if column.dim() else 0
        if found != rows:
            raise ValueError(f"{noun} column {name!r} has {found} rows for {rows} {noun}s")


def expand(pointers: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The members of the chosen segments, and the pointers of the segments among them."""
    starts = pointers.index_select(0, chosen)
    lengths = pointers.index_select(0, chosen + 1) - starts
    out = torch.zeros(chosen.numel() + 1, dtype=torch.long, device=pointers.device)
    torch.cumsum(lengths, 0, out=out[1:])
    count = int(out[-1])
    shift = torch.repeat_interleave(starts - out[:-1], lengths, output_size=count)
    return shift.add_(torch.arange(count, device=pointers.device)), out
