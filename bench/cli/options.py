"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Workers = Annotated[int, typer.Option(min=0, max=1024, help="Worker processes; 0 trains in this one.")]
Device = Annotated[str, typer.Option(metavar="cpu|cuda|cuda:N", help="Where trials train.")]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Where datasets are kept; default: $DISTILLERY_DATA, else the user's cache folder. "
        "$DISTILLERY_MIRROR names a read-only tree of raw files, used before any download.",
    ),
]
Store = Annotated[Path, typer.Option("--out", metavar="STORE", help="The store; one that exists is resumed.")]
Declared = Annotated[
    Path | None, typer.Option("--board", metavar="BOARD.yaml", help="What the board is: its tracks, and whose stores.")
]
Since = Annotated[
    Path | None,
    typer.Option(metavar="BOARD", help="An earlier version, whose changes are told; default: board.yaml's previous."),
]
SaveStudents = Annotated[
    str | None,
    typer.Option(
        metavar="best|all|RECORD",
        help="Keep trained students in the store's students/: the best report run by validation of every cell, all of "
        "them, or those of report records. A finished run whose student is not there is trained again for it.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; failures are still told.")]
Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Share teachers and artefacts with all stores.")]
