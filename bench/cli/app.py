"""Commands and options. Each command's work is in a module of its own, loaded when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graph_distillery.bench.cli.commands.students import declared
from graph_distillery.bench.cli.options import (
    Cache,
    Data,
    Declared,
    Device,
    Json,
    Quiet,
    SaveStudents,
    Since,
    Store,
    Workers,
)

#: Commands that, given again, go on where they stopped.
RESUMABLE = ("demo", "run", "sweep", "reproduce")

app = typer.Typer(
    name="distillery",
    help="Hyperparameter search and benchmarking for knowledge distillation on graph neural networks. Results "
    "go to standard output, progress to standard error. Exit code: 0 done, 1 some trial failed, 2 wrong input, "
    "130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        from graph_distillery.bench.cli.terminal import emit
        from graph_distillery.bench.environment import suite_version

        emit(f"distillery {suite_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None: ...


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the store and the board go.")] = Path(
        "distillery-demo"
    ),
    workers: Annotated[
        int | None, typer.Option(min=0, max=1024, help="Worker processes; default: one per processor, at most 8.")
    ] = None,
) -> int:
    """The main job on an embedded dataset, with no network."""
    from graph_distillery.bench.cli.commands import demo as command

    return command.run(out, workers)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(metavar="methods|datasets|models|papers|splits|metrics", show_default=False)],
    json: Json = False,
) -> int:
    """What there is: methods, datasets, models, and so on."""
    from graph_distillery.bench.cli.commands import listing

    return listing.run(what, json)


@app.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A method, dataset or model.")],
    json: Json = False,
    data: Data = None,
) -> int:
    """All about one method, dataset or model."""
    from graph_distillery.bench.cli.commands import info as command

    return command.run(name, json, data)


@app.command()
def run(
    dataset: Annotated[str, typer.Option(metavar="D", help="Dataset.")],
    method: Annotated[str, typer.Option(metavar="M", help="Method.")],
    out: Store,
    student: Annotated[
        str | None, typer.Option(metavar="S", help="Student model; default: mlp where the method allows it.")
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            metavar="T", help="Teacher model; default: sage, for whole graphs gin. Repeated, or as gcn+sage: several."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="P", help="Split; default: the dataset's usual one.")] = None,
    setting: Annotated[str | None, typer.Option(metavar="transductive|inductive", help="Setting.")] = None,
    variant: Annotated[str, typer.Option(metavar="V", help="Variant of the method.")] = "paper",
    seeds: Annotated[str, typer.Option(metavar="SEEDS", help="Report seeds, as 0-9 or 0,2,5.")] = "0-9",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="K=V",
            help="A hyperparameter: alpha=0.3 or method.alpha=0.3, student.lr=0.01, teacher.hidden=64. Repeatable.",
        ),
    ] = None,
    save_students: SaveStudents = None,
    workers: Workers = 0,
    device: Device = "cpu",
    data: Data = None,
    cache: Cache = True,
    quiet: Quiet = False,
    json: Json = False,
) -> int:
    """One method on one dataset at a fixed configuration."""
    from graph_distillery.bench.cli.commands import run as command
    from graph_distillery.bench.sweeps import preflight

    taught_by = "+".join(teacher or ()) or None
    pairs = tuple(set_ or ())
    cell = command.Choice(dataset, method, student, taught_by, split, setting, variant, seeds, pairs, save_students)
    return command.run(cell, out, preflight.means("local", workers, device, None, cache), data, json, quiet)


@app.command()
def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="What to sweep.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(metavar="STORE", help="The store; one that exists is resumed. Default: the spec's name."),
    ] = None,
    executor: Annotated[str, typer.Option(metavar="local|ray", help="What carries trials out.")] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="auto|HOST:PORT", help="With ray: the cluster. Default: a local Ray of the command's own."
        ),
    ] = None,
    workers: Workers = 0,
    device: Device = "cpu",
    gpus: Annotated[
        float | None,
        typer.Option(metavar="N", help="GPUs of a trial; default: the spec's."),
    ] = None,
    data: Data = None,
    cache: Cache = True,
    optuna_storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Copy the studies to sqlite:///FILE or postgresql://...; never read back.",
        ),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TRACKER=WHERE",
            help="Tell tensorboard=DIR, mlflow=URI or wandb=PROJECT of every run. Repeatable.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Do again what failed, ran out of memory or ran out of time.")
    ] = False,
    speed_only: Annotated[bool, typer.Option("--speed-only", help="Time a store's rows again, and no more.")] = False,
    save_students: SaveStudents = None,
    budget_hours: Annotated[
        float | None,
        typer.Option(min=0, metavar="H", help="What fits, the shortest cells first."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print cells and cost; write no store.")] = False,
    cells: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only the I-th of N shards of the plan's cells, in its own store.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> int:
    """Tune and report every method of a spec. Again resumes."""
    from graph_distillery.bench.cli.commands import sweep as command
    from graph_distillery.bench.sweeps import preflight

    told = tuple(track or ())
    request = command.Request(
        spec, out, cells, optuna_storage, retry_failed, told, speed_only, save_students, gpus, budget_hours
    )
    return command.run(request, preflight.means(executor, workers, device, address, cache), data, dry_run, json, quiet)


@app.command()
def status(
    stores: Annotated[
        list[Path],
        typer.Argument(metavar="STORE...", help="Stores, or folders of stores, as of an array.", show_default=False),
    ],
    json: Json = False,
) -> int:
    """How far stores are, also while their sweeps run."""
    from graph_distillery.bench.cli.commands import status as command

    return command.run(stores, json)


@app.command()
def launch(
    target: Annotated[
        str, typer.Argument(metavar="slurm|pbs|lsf|kuberay|ray", help="The kind of cluster.", show_default=False)
    ],
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yaml", help="What to sweep.", show_default=False)],
    settings: Annotated[
        Path | None,
        typer.Option(metavar="CLUSTER.yaml", help="The cluster: a section per kind; docs/clusters.md."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the job files there; default: print them.")
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Write them (default: to NAME-KIND) and hand them to the cluster.")
    ] = False,
    json: Json = False,
) -> int:
    """The job files of a sweep for a cluster."""
    from graph_distillery.bench.cli.commands import launch as command

    return command.run(target, spec, settings, out, submit, json)


@app.command()
def leaderboard(
    out: Annotated[Path, typer.Option(metavar="BOARD", help="The folder to write; an earlier board is replaced.")],
    stores: Annotated[
        list[Path] | None,
        typer.Argument(metavar="STORE...", help="Stores; with --board default: all it accepts.", show_default=False),
    ] = None,
    declared: Declared = None,
    since: Since = None,
    plots: Annotated[bool, typer.Option(help="Draw the pictures, most of the time a board takes.")] = True,
    json: Json = False,
) -> int:
    """Build the leaderboard of stores."""
    from graph_distillery.bench.cli.commands import leaderboard as command

    return command.run(stores or [], out, json, plots=plots, board=declared, since=since)


@app.command()
def pack(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to write; default: STORE-packed, beside it.")
    ] = None,
    unpack: Annotated[bool, typer.Option("--unpack", help="Of a packed store, the store: its sweep goes on.")] = False,
    json: Json = False,
) -> int:
    """A store, compressed, for a repository of results."""
    from graph_distillery.bench.cli.commands import pack as command

    return command.run(store, out, json, unpack)


@app.command()
def verify(
    board: Annotated[Path, typer.Argument(metavar="BOARD", help="A board.", show_default=False)],
    stores: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="STORE...", help="Its stores; with --board default: all it accepts.", show_default=False
        ),
    ] = None,
    declared: Declared = None,
    since: Since = None,
    data: Annotated[
        bool, typer.Option("--data", help="Compute every score again, from predictions and the datasets' labels.")
    ] = False,
    json: Json = False,
) -> int:
    """Recompute a board; exit code 1 where a number differs."""
    from graph_distillery.bench.cli.commands import verify as command

    return command.run(board, stores or [], json, data, declared, since)


@app.command()
def submit(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The store to check.", show_default=False)],
    beside: Annotated[
        list[Path] | None,
        typer.Option("--beside", metavar="STORE", help="A store of the board it would join. Repeatable."),
    ] = None,
    rerun: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Train N report runs again, drawn at random, and compare.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Which runs --rerun draws.")] = 0,
    declared: Declared = None,
    json: Json = False,
) -> int:
    """Check a store for a board; exit code 1 where one must ask."""
    from graph_distillery.bench.cli.commands import submit as command

    return command.run(store, beside or [], json, rerun, seed, declared)


@app.command()
def reproduce(
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE...", help="Tables, as `list papers` names them, or files.", show_default=False),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every table.")] = False,
    datasets: Annotated[
        str | None, typer.Option(metavar="D,D...", help="These published datasets alone; default: those at hand.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="STORE", help="Folder of the stages' stores; what is there is resumed.")
    ] = None,
    pages: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of pages and their records; default: STORE/pages.")
    ] = None,
    budget_hours: Annotated[
        float | None, typer.Option(min=0, metavar="H", help="Run the stages that fit, in the tables' order.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=10_000, help="Other than the table's number.")] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Run on generated data of the same shape; nothing is judged.")
    ] = False,
    save_students: SaveStudents = None,
    executor: Annotated[str, typer.Option(metavar="local|ray", help="What carries trials out.")] = "local",
    address: Annotated[str | None, typer.Option(metavar="auto|HOST:PORT", help="With ray: the cluster.")] = None,
    workers: Workers = 0,
    device: Device = "cpu",
    data: Data = None,
    cache: Cache = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the stages and estimated cost; run none.")] = False,
    json: Json = False,
) -> int:
    """Run papers' tables by their protocols, and judge each number."""
    from graph_distillery.bench.cli.commands import reproduce as command
    from graph_distillery.bench.sweeps import preflight

    named = None if datasets is None else tuple(name.strip() for name in datasets.split(","))
    request = command.Request(
        tuple(tables or ()), all_, named, out, pages, budget_hours, seeds, stand_in, save_students
    )
    return command.run(request, preflight.means(executor, workers, device, address, cache), data, dry_run, json)


@app.command()
def doctor(data: Data = None, json: Json = False) -> int:
    """Whether this machine is in order; exit code 1 if not."""
    from graph_distillery.bench.cli.commands.machine import doctor as command

    return command.run(data, json)


@app.command()
def cache(
    action: Annotated[
        str, typer.Argument(metavar="list|clean", help="Say what is there, or remove it all.", show_default=False)
    ],
    data: Data = None,
    json: Json = False,
) -> int:
    """Teachers and artefacts that all stores share."""
    from graph_distillery.bench.cli.commands.machine import cache as command

    return command.run(action, data, json)


@app.command()
def perf(
    json: Json = False,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Measure only this one. Repeatable.")] = None,
    board: Annotated[bool, typer.Option("--board", help="The board of 200,000 made-up records instead.")] = False,
    sweep: Annotated[bool, typer.Option("--sweep", help="Whole sweeps on Ray instead; takes minutes.")] = False,
) -> int:
    """The suite's own speed; exit code 1 where it misses."""
    from graph_distillery.bench.cli.commands.machine import perf as command

    return command.run(json, only, board, sweep)


declared.register(app)
