"""The commands for trained students, as the command line declares them; their work is in `commands.students`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Where datasets are kept, as for sweep.")]
Trained = Annotated[
    Path,
    typer.Argument(
        metavar="STUDENT", help="A saved student's folder, or a store that has just one.", show_default=False
    ),
]
GraphFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A graph: .pt, .npz, an edge list (CSV, parquet) with nodes beside it, or their folder."
    ),
]
NodeTable = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The table of nodes of an edge list; default: nodes beside it.")
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Run the module that a card names (python:module:Class); you know it.")
]
Named = Annotated[str | None, typer.Option("--dataset", metavar="D", help="A dataset in the place of a graph's file.")]


def register(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command("predict")(_predict)
    app.command("export")(_export)
    app.command("recommend")(_recommend)


def _predict(
    student: Trained,
    graph: GraphFile = None,
    dataset: Named = None,
    node_table: NodeTable = None,
    nodes: Annotated[
        str | None, typer.Option(metavar="ITEMS", help="Which nodes (or graphs), as 0-9 or 0,2,5; default: all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them to .csv or .parquet; default: CSV, printed.")
    ] = None,
    data: Data = None,
    allow_code: AllowCode = False,
    json: Json = False,
) -> int:
    """Classes and probabilities by a trained student."""
    from graph_distillery.bench.cli.commands.students import predict as command
    from graph_distillery.bench.students.source import GraphChoice

    return command.run(student, GraphChoice(graph, dataset, node_table, data, allow_code), nodes, out, json)


def _export(
    student: Trained,
    format_: Annotated[
        str, typer.Option("--format", metavar="onnx|torch-export", help="What the file is written as.")
    ] = "onnx",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file; default: ID.onnx or ID.pt2 in this folder.")
    ] = None,
    graph: GraphFile = None,
    dataset: Named = None,
    node_table: NodeTable = None,
    data: Data = None,
    allow_code: AllowCode = False,
    json: Json = False,
) -> int:
    """A trained student as a file of its own, checked."""
    from graph_distillery.bench.cli.commands.students import export as command
    from graph_distillery.bench.students.source import GraphChoice

    choice = GraphChoice(graph, dataset, node_table, data, allow_code)
    return command.run(student, format_, out, choice, json)


def _recommend(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store.", show_default=False)],
    latency_ms: Annotated[
        float | None, typer.Option(min=0, metavar="MS", help="Most milliseconds of a request for one item, the median.")
    ] = None,
    parameters: Annotated[int | None, typer.Option(min=0, metavar="N", help="Most parameters.")] = None,
    dataset: Annotated[str | None, typer.Option(metavar="D", help="Of this dataset alone.")] = None,
    json: Json = False,
) -> int:
    """The best student under a latency or a size."""
    from graph_distillery.bench.cli.commands.students import recommend as command

    return command.run(store, command.Limits(latency_ms, parameters), dataset, json)
