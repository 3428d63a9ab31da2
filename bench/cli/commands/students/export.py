"""`distillery export`: a trained student as an ONNX file or an exported program, run once before it is handed out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written
from graph_distillery.bench.students.card import folder_of
from graph_distillery.bench.students.source import GraphChoice, adopt_datasets, checked_on

if TYPE_CHECKING:
    from graph_distillery.bench.students.student import Student


def run(path: Path, format_name: str, out: Path | None, choice: GraphChoice, as_json: bool) -> int:
    """Export, run the file beside the student, and time it; 1 where the two differ, and no file is left then.

    Raises:
        UserError: the student, the format, the data to check on or the file is not in order; nothing is written.
    """
    folder = folder_of(path)
    adopt_datasets(folder)
    from graph_distillery.bench.students import exporting
    from graph_distillery.bench.students.student import load_student

    kind = exporting.parse_format(format_name)
    student = load_student(folder, choice.allow_code)
    file = out or Path(student.card.id + exporting.SUFFIX[kind])
    if file.suffix != exporting.SUFFIX[kind]:
        raise UserError(f"--out {file}: a file of {kind} ends in {exporting.SUFFIX[kind]}")
    if file.is_dir():
        raise UserError(f"--out {file}: is a folder, not a file")
    can_be_written(file.absolute().parent, f"--out {file}")
    made = exporting.export(student, kind, file, checked_on(student, choice))
    if not made.agrees:
        far = f"{made.difference:.1e} on {made.items:,} items"
        note(f"{file}: not written: its logits differ from the student's by {far}")
        return 1
    if as_json:
        emit_json(
            {
                "student": student.card.id,
                "file": str(file),
                "format": kind,
                "inputs": _inputs(student),
                "items": made.items,
                "difference": made.difference,
                "latency_ms": {"p50": made.p50_ms, "p95": made.p95_ms},
            }
        )
        return 0
    emit(f"{file}: {kind}, {', '.join(_inputs(student))} -> logits [nodes, {student.card.network.out_features}]")
    emit(f"logits within {made.difference:.1e} of the student's on {made.items:,} items")
    what = "all nodes of the graph" if student.card.reads.edges else "one node"
    emit(f"latency of {what}: {made.p50_ms:.3f} ms (median), {made.p95_ms:.3f} ms (95 %), one thread")
    return 0


def _inputs(student: Student) -> list[str]:
    reads = student.card.reads
    also = f", {reads.artefact} {reads.place} the features" if reads.column else ""
    x = f"x [nodes, {student.card.network.in_features}{also}]"
    return [x, "edge_index [2, arcs]"] if reads.edges else [x]
