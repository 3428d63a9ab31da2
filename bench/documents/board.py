"""The suite's own board, stage by stage: `python -m graph_distillery.bench.documents.board --out RUNS`.

A stage is one dataset of one spec of `bench/specs/board/`. Each runs into a store of its own under RUNS, is packed into
`leaderboard/board/stores/` when it is over, and the board is built anew from all that are there. Called again, it keeps
what is there and does the rest; `leaderboard/board/board.yaml` says beforehand what the board is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.cli.interrupts import as_keyboard_interrupt
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.spec import Spec, read_spec
from graph_distillery.near_names import unknown_line

_ROOT = Path(__file__).resolve().parents[2]
SPECS = _ROOT / "bench" / "specs" / "board"
BOARD = _ROOT / "leaderboard" / "board"
#: The specs in the order in which the stages are run, each with its datasets in that order.
ORDER = (
    ("gnn-to-mlp", "cora"),
    ("gnn-to-mlp", "citeseer"),
    ("gnn-to-mlp-larger", "amazon-photo"),
    ("gnn-to-gnn", "cora"),
    ("gnn-to-gnn", "citeseer"),
    ("gnn-to-gnn-heterophilic", "chameleon"),
    ("gnn-to-mlp-larger", "pubmed"),
    ("graphs", "mutag"),
    ("graphs", "imdb-binary"),
    ("graphs-data-free", "mutag"),
    ("typed", "hgb-acm"),
    ("links", "cora-links"),
    ("gnn-to-mlp-tuned-teacher", "cora"),
    ("gnn-to-mlp-inductive", "cora"),
    ("gnn-to-mlp-inductive", "citeseer"),
    ("gnn-to-mlp-tuned-teacher", "citeseer"),
    ("gnn-to-gnn", "amazon-photo"),
    ("gnn-to-gnn-heterophilic", "actor"),
    ("gnn-to-mlp-inductive", "amazon-photo"),
    ("gnn-to-mlp-tuned-teacher", "amazon-photo"),
    ("gnn-to-gnn", "pubmed"),
    ("gnn-to-mlp-larger", "amazon-computers"),
    ("gnn-to-mlp-larger", "coauthor-cs"),
    ("graphs", "proteins"),
    ("graphs", "nci1"),
    ("typed", "hgb-dblp"),
    ("links", "citeseer-links"),
    ("gnn-to-mlp-slow", "cora"),
    ("gnn-to-mlp-slow", "citeseer"),
    ("gnn-to-gnn-slow", "cora"),
    ("gnn-to-gnn-slow", "citeseer"),
    ("gnn-to-mlp-slow", "amazon-photo"),
)


@dataclass(frozen=True)
class Stage:
    """One dataset of one spec."""

    track: str
    dataset: str

    @property
    def name(self) -> str:
        """Of the stage, and of its store."""
        return f"{self.track}-{self.dataset}"

    @property
    def packed(self) -> Path:
        """Where its packed store lies once it is over."""
        return BOARD / "stores" / self.name

    def spec(self) -> Spec:
        """The track's spec on this dataset alone."""
        whole = read_spec(SPECS / f"{self.track}.yaml")
        mine = tuple(each for each in whole.datasets if each == self.dataset)
        return whole.model_copy(update={"name": self.name, "datasets": mine})


def stages(names: Sequence[str] = ()) -> list[Stage]:
    """All of them in their order, or those named.

    Raises:
        UserError: a name is none of a stage.
    """
    found = {stage.name: stage for stage in (Stage(*each) for each in ORDER)}
    for name in names:
        if name not in found:
            raise UserError(f"--stage: {unknown_line('stage', name, found)}")
    return [found[name] for name in names] if names else list(found.values())


def costs(wanted: Sequence[Stage], workers: int, data: Path | None) -> Iterator[str]:
    """A line per stage: its trainings and what they will take, by a probe of each cell."""
    from graph_distillery.bench.sweeps import preflight
    from graph_distillery.bench.sweeps.cost.estimate import estimate, progress_of
    from graph_distillery.bench.sweeps.plan.expansion import make_plan

    means = preflight.means("local", workers, "cpu", None)
    for stage in wanted:
        plan = make_plan(stage.spec(), data)
        with tempfile.TemporaryDirectory() as nowhere:
            cost = estimate(plan, progress_of(plan, Path(nowhere) / "store"), means)
        hours = "unknown" if cost.seconds is None else f"{cost.seconds / 3600:.1f} h"
        yield f"{stage.name}: {len(plan.searches)} searches, {cost.trainings} trainings, about {hours}"


def run(stage: Stage, out: Path, workers: int, data: Path | None, retry_failed: bool = False) -> bool:
    """Carry out a stage, or what is left of it, and pack it; False where a run failed, which the board then tells.

    One that is packed and has no store under `out`, as in a new checkout, is over, or goes on from its packed store.
    retry_failed: what failed, or ran out of memory or of time, is done again.
    """
    from graph_distillery.bench.cli.commands.pack import run as pack
    from graph_distillery.bench.cli.progress import ProgressDisplay
    from graph_distillery.bench.sweeps import preflight
    from graph_distillery.bench.sweeps.store.files import begun, plan_in
    from graph_distillery.bench.sweeps.store.kept_status import read_status
    from graph_distillery.bench.sweeps.sweep import run_sweep

    store = out / stage.name
    if stage.packed.is_dir() and not begun(store):
        cells = read_status(stage.packed).cells
        if all(cell.state in ("done", "failed") and not (retry_failed and cell.failed) for cell in cells):
            return True
        pack(stage.packed, store, as_json=False, unpack=True)
    plan = plan_in(store, stage.spec(), data)
    try:
        with ProgressDisplay() as progress:
            outcome = run_sweep(
                plan,
                store,
                preflight.means("local", workers, "cpu", None),
                listener=progress.attach,
                on_message=progress.message,
                retry_failed=retry_failed,
            )
    finally:
        pack_stage(stage, out)
    return outcome.ok


def pack_stage(stage: Stage, out: Path) -> None:
    """Put what there is of a stage into its place beside the board, finished or not; nothing where it is not begun."""
    from graph_distillery.bench.cli.commands.pack import run as pack
    from graph_distillery.bench.sweeps.store.files import begun

    store = out / stage.name
    if not begun(store):
        return
    draft = out / f".{stage.name}-packed"
    shutil.rmtree(draft, ignore_errors=True)
    pack(store, draft, as_json=False)
    shutil.rmtree(stage.packed, ignore_errors=True)
    stage.packed.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(draft, stage.packed)


def build() -> None:
    """The board of the stages that are there, once one has a report run."""
    from graph_distillery.bench.cli.commands.leaderboard import run as leaderboard
    from graph_distillery.bench.records import read_records

    if any(read_records(stage.packed, kinds=["report"]).records for stage in stages() if stage.packed.is_dir()):
        leaderboard([], BOARD, as_json=False, board=BOARD / "board.yaml")


def main() -> int:
    """Run the stages that are asked for, one after another, each on the board when it is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="RUNS", help="where the stores are")
    parser.add_argument("--stage", action="append", default=[], metavar="NAME", help="repeatable; default: all")
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0: trains in this one")
    parser.add_argument("--data", type=Path, help="where datasets are kept")
    parser.add_argument("--retry-failed", action="store_true", help="do again what failed, or ran out of time")
    parser.add_argument("--pack", action="store_true", help="run nothing: pack what there is of them")
    parser.add_argument("--dry-run", action="store_true", help="say what each stage will cost, and run none")
    asked = parser.parse_args()
    try:
        with as_keyboard_interrupt(lambda: os._exit(130), lambda line: print(line, file=sys.stderr, flush=True)):
            return _carried_out(asked)
    except KeyboardInterrupt:
        print(f"stopped{'' if asked.dry_run else ': what was finished is kept, and packed'}", file=sys.stderr)
        return 130
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _carried_out(asked: argparse.Namespace) -> int:
    from graph_distillery.bench.sweeps import preflight

    data, wanted, failed = preflight.data_folder(asked.data), stages(asked.stage), False
    if asked.dry_run:
        for line in costs(wanted, asked.workers, data):
            print(line, flush=True)
        return 0
    for stage in wanted:
        if asked.pack:
            pack_stage(stage, asked.out)
        else:
            failed |= not run(stage, asked.out, asked.workers, data, asked.retry_failed)
        build()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
