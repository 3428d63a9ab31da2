"""All methods at their defaults on Cora, beside the student alone: `python -m graph_distillery.bench.documents.field`.

Runs the specs `field-cora-*`, each into a store of its own, and writes their records and the page that follows from
those records alone. Called again, it keeps what is there and does the rest.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from graph_distillery.bench.records import Record, read_records
from graph_distillery.methods import METHODS

_ROOT = Path(__file__).resolve().parents[2]
SPECS = tuple(_ROOT / "bench" / "specs" / f"field-cora-{part}.yaml" for part in ("mlp", "gnn", "plp", "framelets"))
PAGES = _ROOT / "leaderboard" / "field"
#: What every row is compared with, and what stands before the methods' own rows.
_ALONE, _FIRST = "supervised", ("supervised", "teacher", "majority", "kd", "glnn")
_HEAD = ("method", "teacher", "student", "seeds", "accuracy, %", "less the student alone", "")
_INTRODUCTION = """# All methods on Cora at their defaults

GLNN's split (`cpf`), one for each seed; nothing is tuned. Mean and standard deviation over seeds; the difference to the
student alone is paired by seed, with its standard error. Teachers of several are joined by a plus. A method that makes
its teacher anew learns from that one; the teacher's row is the one it was made of.

Again: `python -m graph_distillery.bench.documents.field --out RUNS`. This page follows from `records/` alone.
"""

#: Method, variant, teacher, student.
Key = tuple[str, str, str, str]
#: Seed -> test score in percent; None where the run failed.
Scores = dict[int, float | None]


def page(stores: Iterable[Path]) -> str:
    """The page of these stores, one table each."""
    parts = (f"## {store.name}\n\n{table(read_records(store).records)}" for store in stores)
    return "\n".join([_INTRODUCTION, *parts])


def table(records: Iterable[Record]) -> str:
    """A Markdown table of the reports of one store, the student alone and the references first, then the best first."""
    rows = _scores(records)
    alone = next((seeds for (method, *_), seeds in rows.items() if method == _ALONE), {})
    order = sorted(rows, key=lambda key: (_place(key), -_mean(rows[key]), key))
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
    return "\n".join([*lines, *(_line(key, rows[key], alone) for key in order)]) + "\n"


def _scores(records: Iterable[Record]) -> dict[Key, Scores]:
    found: dict[Key, Scores] = {}
    for record in records:
        if record.kind == "report":
            cell = record.cell
            fraction = (record.metrics.test or {}).get(cell.metric) if record.status == "ok" else None
            key = (cell.method, cell.variant, cell.teacher or "", cell.student)
            found.setdefault(key, {})[record.seed] = None if fraction is None else 100 * fraction
    return found


def _place(key: Key) -> int:
    return _FIRST.index(key[0]) if key[0] in _FIRST else len(_FIRST)


def _done(seeds: Mapping[int, float | None]) -> dict[int, float]:
    return {seed: score for seed, score in seeds.items() if score is not None}


def _mean(seeds: Mapping[int, float | None]) -> float:
    return statistics.fmean(_done(seeds).values()) if _done(seeds) else float("-inf")


def _line(key: Key, seeds: Scores, alone: Scores) -> str:
    method, variant, teacher, student = key
    name = f"`{method}`" if variant == "paper" else f"`{method}` ({variant})"
    done, base = _done(seeds), _done(alone)
    pairs = [done[seed] - base[seed] for seed in sorted(done) if seed in base]
    pairs = [] if method == _ALONE else pairs
    shown = [_spread(list(done.values())), _spread(pairs, of_mean=True, sign="+")]
    cells = [name, teacher or "–", student, f"{len(done)} of {len(seeds)}", *shown, _remark(method, pairs, seeds)]
    return "| " + " | ".join(cells) + " |"


def _spread(values: list[float], of_mean: bool = False, sign: str = "") -> str:
    if not values:
        return "–"
    mean = f"{statistics.fmean(values):{sign}.2f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(values) / (len(values) ** 0.5 if of_mean else 1):.2f}"


def _remark(method: str, pairs: list[float], seeds: Scores) -> str:
    """What a row has to say for itself; pairs: its differences to the student alone."""
    info = METHODS.get(method)
    said = [f"failed on seed {seed}" for seed, score in seeds.items() if score is None]
    if info.trains_on_validation:
        said.append("trains on validation labels")
    if info.status != "faithful":
        said.append(info.status)
    gap = statistics.fmean(pairs) if pairs and method != "majority" else 0.0
    if pairs and not any(pairs) and method != "teacher":
        said.append("the same runs as the student alone")
    if gap < 0 and info.below_alone:
        said.append(f"below the student alone: {info.below_alone}")
    elif gap < 0 and len(pairs) > 1:
        within = _half_interval(pairs) >= -gap
        said.append("below the student alone: " + ("its 95 % interval reaches 0" if within else "why is not known yet"))
    return "; ".join(said)


def _half_interval(pairs: list[float]) -> float:
    """Half of the 95 % interval of their mean, Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(pairs) - 1)) * statistics.stdev(pairs) / len(pairs) ** 0.5


def main() -> None:
    """Run what is missing, copy the records beside the page, write the page."""
    from graph_distillery.bench.sweeps import preflight
    from graph_distillery.bench.sweeps.spec import read_spec
    from graph_distillery.bench.sweeps.store.files import plan_in
    from graph_distillery.bench.sweeps.sweep import run_sweep

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="RUNS", help="where the stores are")
    parser.add_argument("--workers", type=int, default=0, help="worker processes; 0: trains in this one")
    parser.add_argument("--data", type=Path, help="where datasets are kept")
    parser.add_argument("--pages", type=Path, default=PAGES, metavar="FOLDER", help="where page and records go")
    asked = parser.parse_args()
    means = preflight.means("local", asked.workers, "cpu", None)
    for spec in SPECS:
        store = asked.out / spec.stem
        run_sweep(plan_in(store, read_spec(spec), preflight.data_folder(asked.data)), store, means)
        target = asked.pages / "records" / spec.stem / "records"
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted((store / "records").glob("*.jsonl")):
            draft = target / f".{file.name}"
            shutil.copyfile(file, draft)
            draft.replace(target / file.name)
        kept = [asked.pages / "records" / each.stem for each in SPECS]
        written = page(folder for folder in kept if folder.is_dir())
        (asked.pages / "README.md").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
