"""`distillery predict`: what a trained student says of the nodes of a graph, or of graphs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.cli.commands.run import parse_numbers
from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written
from graph_distillery.bench.students.card import folder_of
from graph_distillery.bench.students.source import Asked, GraphChoice, adopt_datasets, graph_of
from graph_distillery.bench.text import count
from graph_distillery.near_names import hint

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".parquet")


def run(student: Path, choice: GraphChoice, nodes: str | None, out: Path | None, as_json: bool) -> int:
    """Print or write a row per item.

    Raises:
        UserError: the student, the graph, an item or the file is not in order; nothing is written.
    """
    items = parse_numbers("--nodes", nodes) if nodes is not None else None
    if out is not None:
        if out.suffix.lower() not in SUFFIXES:
            raise UserError(
                f"--out {out}: ends in neither .csv nor .parquet; {hint(out.suffix, SUFFIXES, 'it may be')}"
            )
        if out.is_dir():
            raise UserError(f"--out {out}: is a folder, not a file")
        can_be_written(out.absolute().parent, f"--out {out}")
    folder = folder_of(student)
    adopt_datasets(folder)
    from graph_distillery.bench.students.student import load_student

    loaded = load_student(folder, choice.allow_code)
    asked = graph_of(choice, loaded.card)
    frame = named(loaded.predict(asked.graph, items).to_frame(), asked, loaded.card.network.level)
    if out is not None:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".csv":
            frame.to_csv(out, index=False)
        else:
            frame.to_parquet(out, index=False)
    if as_json:
        rows = None if out is not None else frame.to_dict("records")
        emit_json({"student": loaded.card.id, "items": len(frame), "out": str(out) if out else None, "rows": rows})
    elif out is not None:
        emit(f"{out}: {count(len(frame), 'prediction')} by {loaded.card.method} {loaded.card.network.model}")
    else:
        emit(frame.to_csv(index=False).rstrip("\n"))
    return 0


def named(frame: pd.DataFrame, asked: Asked, level: str) -> pd.DataFrame:
    """With the names that the graph's file gives nodes, where it gives any."""
    if asked.node_names and level == "node":
        frame.insert(1, "name", [asked.node_names[item] for item in frame["item"]])
    return frame
