"""A factory of valid records, and of stores that hold them."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from graph_distillery.bench.records import Cell, Environment, Metrics, Record, RecordWriter, Search, Speed, Timings
from graph_distillery.bench.records.identity import work_id
from graph_distillery.leaderboard import build_board

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP = {"width": 1280, "height": 900}
TASKS = {"node-classification": "accuracy", "node-multilabel": "micro_f1", "graph-classification": "accuracy"}
CELL_FIELDS = (
    "split_seed",
    "setting",
    "task",
    "teacher_id",
    "variant",
    "dataset_sha256",
    "node_order_sha256",
    "metric",
    "teacher_tuned",
)


def digest(*parts: object) -> str:
    """A hex id made of what it identifies."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def build_record(
    method: str = "glnn",
    test: float | None = 0.8,
    *,
    dataset: str = "cora",
    split: str = "cpf",
    teacher: str | None = "sage",
    student: str = "mlp",
    seed: int = 0,
    kind: str = "report",
    selection: str | None = "tuned",
    val: float = 0.75,
    test_scores: dict[str, float] | None = None,
    status: str = "ok",
    speed: float | None = None,
    fingerprint: str = "1" * 16,
    hparams: dict[str, object] | None = None,
    budget: str = "12 trials x 3 seeds",
    **changes: object,
) -> Record:
    """A valid record; ``test`` is the report score, ``speed`` the full-forward median in milliseconds.

    Control rows get the cells the driver gives them: teacher (student is its model), majority (student none)
    and supervised (no teacher). ``changes`` are fields of the cell or of the record.
    """
    if method == "teacher":
        student = teacher or student
    elif method in ("majority", "supervised"):
        teacher, student = None, "none" if method == "majority" else student
    cell = {name: changes.pop(name) for name in CELL_FIELDS if name in changes}
    task = str(cell.get("task", "node-classification"))
    metric = str(cell.setdefault("metric", TASKS[task]))
    searched = selection is not None and method not in ("teacher", "majority")
    parts = (
        kind,
        method,
        dataset,
        split,
        teacher,
        student,
        seed,
        selection,
        fingerprint,
        sorted(cell.items()),
        hparams,
    )
    ok = status == "ok"
    latency = {"p50": speed, "p95": speed * 1.5} if speed else None
    request = {"p50": speed / 2, "p95": speed} if speed else None
    fields = {
        "kind": kind,
        "id": digest(*parts, fingerprint, status, test)[:32],
        "store_id": "0" * 16,
        "created": "2026-11-20T12:00:00Z",
        "suite_version": "0.1.0",
        "cell": Cell.model_validate(
            {
                "id": digest(*parts[1:6], sorted(cell.items()))[:16],
                "dataset": dataset,
                "dataset_sha256": digest(dataset),
                "node_order_sha256": digest("order", dataset),
                "split": split,
                "split_seed": 0,
                "setting": "transductive",
                "task": task,
                "teacher": teacher,
                "teacher_id": digest(teacher, dataset)[:16] if teacher else None,
                "student": student,
                "method": method,
                "variant": "paper",
            }
            | cell
        ),
        "hparams": {"lr": 0.01} if hparams is None else hparams,
        "search": Search(
            space="a" * 16,
            sampler="tpe",
            pruner="seed-racing",
            trials=12,
            budget=budget,
            trial=3,
            selection=selection if kind in ("report", "speed") else None,
        )
        if searched
        else None,
        "seed": seed,
        "metrics": Metrics(
            val={metric: val} if ok and kind != "speed" else {},
            test=(test_scores or {metric: test}) if ok and kind == "report" else None,
        ),
        "timings": Timings(train_s=1.0, epochs=10),
        "speed": Speed.model_validate(
            {
                "full_forward_ms": latency,
                "request_ms": {"batch_1": request, "batch_10": request},
                "params": 12_345,
                "macs": 6_700_000,
                "peak_memory_mb": 21.5,
                "repeats": 30,
            }
        )
        if kind == "speed"
        else None,
        "status": status,
        "error": None if ok else "RuntimeError: boom",
        "environment": Environment(
            fingerprint=fingerprint,
            python="3.11.7",
            torch="2.13.0",
            pyg="2.8.1",
            ray=None,
            optuna="5.0.0",
            device="cpu",
            cpu="Some CPU",
            threads=1,
            os="Linux",
        ),
    }
    return Record.model_validate(fields | changes)


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """``make_record(method, test score, dataset=..., seed=..., kind=..., ...)``."""
    return build_record


@pytest.fixture
def make_runs() -> Callable[..., list[Record]]:
    """``make_runs(method, scores, ...)``: one report record per score, seeds 0, 1, 2..."""
    return lambda method, scores, **changes: [
        build_record(method, score, seed=seed, **changes) for seed, score in enumerate(scores)
    ]


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., Path]:
    """``make_store(records, name)``: a store on disk."""

    def build(records: Iterable[Record], name: str = "store") -> Path:
        store = tmp_path / name
        (store / "records").mkdir(parents=True)
        with RecordWriter(store) as writer:
            for record in records:
                writer.append(record)
        return store

    return build


class StoreMaker:
    """The factories above for fixtures that outlive a test."""

    record = staticmethod(build_record)

    @staticmethod
    def runs(method: str, scores: Iterable[float], **changes: object) -> list[Record]:
        return [build_record(method, score, seed=seed, **changes) for seed, score in enumerate(scores)]

    @staticmethod
    def trial(method: str, number: int, val: float, **changes: object) -> Record:
        made = build_record(method, None, kind="trial", seed=100, val=val, hparams={"method.alpha": val}, **changes)
        search = made.search.model_copy(update={"trial": number}) if made.search else None
        return made.model_copy(update={"search": search, "id": digest(made.id, number)[:32]})

    @staticmethod
    def write(store: Path, records: Iterable[Record]) -> Path:
        (store / "records").mkdir(parents=True)
        with RecordWriter(store) as writer:
            for record in records:
                writer.append(record)
        return store


@pytest.fixture(scope="session")
def store_of() -> type[StoreMaker]:
    return StoreMaker


HONEST_SCORES = (0.80, 0.81, 0.79, 0.82, 0.805)


def id_of(record: Record) -> str:
    """The id that follows from a record's work."""
    search = record.search
    trial, selection = (search.trial, search.selection) if search else (None, None)
    return work_id(record.cell.id, record.kind, trial, selection, record.seed, record.cell.split_seed)


@pytest.fixture
def honest(make_record):
    """``honest(method, best trial, **changes)``: three trials on two seeds, and five report seeds of the best."""

    def build(method="kd", base=0.0, machine="1" * 16, **changes):
        rng = random.Random(method + machine)
        records = []
        common = {"budget": "3 trials x 2 seeds", "fingerprint": machine, "suite_version": "0.1.0"}
        for trial, val in enumerate((0.6, 0.7, 0.5)):
            for seed in (100, 101):
                record = make_record(
                    method,
                    kind="trial",
                    seed=seed,
                    val=val,
                    hparams={"lr": trial / 10},
                    timings=_timings(rng),
                    **common,
                )
                records.append(_with_trial(record, trial))
        for seed, score in enumerate(HONEST_SCORES):
            scores = {"accuracy": score + base, "nll": rng.random(), "ece": rng.random() / 10}
            record = make_record(
                method,
                score,
                seed=seed,
                test_scores=scores,
                hparams={"lr": 0.1},
                timings=_timings(rng),
                **common,
                **changes,
            )
            records.append(_with_trial(record, 1))
        return records

    return build


def _timings(rng):
    return Timings(train_s=1 + rng.random(), epochs=50)


def _with_trial(record, trial):
    search = record.search.model_copy(update={"trial": trial, "trials": 3})
    changed = record.model_copy(update={"search": search})
    return changed.model_copy(update={"id": id_of(changed)})


@pytest.fixture(scope="module")
def chromium(require_or_skip, tmp_path_factory) -> Iterator:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        require_or_skip("chromium", "no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=found, args=list(FLAGS), viewport=DESKTOP
        )
        yield context
        context.close()


@pytest.fixture
def opened(chromium, tmp_path, store_of) -> Iterator[Callable[..., object]]:
    """``opened(records, plots=False)``: the page of these records' board, in a tab of its own."""
    tabs = []

    def open_page(records, *, plots=False):
        build_board([store_of.write(tmp_path / "store", records)], tmp_path / "board", plots=plots)
        tab = chromium.new_page()
        tabs.append(tab)
        tab.goto((tmp_path / "board" / "index.html").as_uri())
        tab.wait_for_selector("html[data-ready=true]")
        return tab

    yield open_page
    for tab in tabs:
        tab.close()


@pytest.fixture(scope="session")
def names_in() -> Callable[..., list[str]]:
    """``names_in(page, slug)``: the names that a table shows, once it is drawn."""

    def names(page, slug: str) -> list[str]:
        page.locator(f"#{slug}").scroll_into_view_if_needed()
        page.wait_for_selector(f"#{slug} tbody tr")
        return [text.strip() for text in page.locator(f"#{slug} tbody button").all_inner_texts()]

    return names


@pytest.fixture(scope="session")
def near() -> Callable[[object, object], bool]:
    """Whether two documents are equal but for the last digits of sums, which depend on the processor."""

    def equal(one: object, other: object) -> bool:
        if isinstance(one, dict) and isinstance(other, dict):
            return list(one) == list(other) and all(equal(one[name], other[name]) for name in one)
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(equal, one, other))
        return one == (pytest.approx(other, rel=1e-9, abs=1e-12) if isinstance(other, float) else other)

    return equal
