"""What Python callers and notebooks use; every function does what the command of its name does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor
    from torch_geometric.data import Data

    from graph_distillery.bench.cli.commands.students.recommend import Candidate
    from graph_distillery.bench.records import Record
    from graph_distillery.bench.students.card import StudentCard
    from graph_distillery.bench.students.exporting import ExportedFile
    from graph_distillery.bench.students.prediction import Prediction
    from graph_distillery.bench.students.student import Student
    from graph_distillery.bench.sweeps.store.status import StoreStatus
    from graph_distillery.leaderboard import BoardResult
    from graph_distillery.methods.contract import Graph

AnyPath = str | PathLike[str]


@dataclass(frozen=True)
class Store:
    """A run folder, opened to be read; the sweep that writes it may be under way."""

    path: Path

    def __fspath__(self) -> str:
        """Wherever a path is asked for, a store may stand."""
        return str(self.path)

    def records(self) -> list[Record]:
        """Every record, in the order of the files; those in whose place another stands are left out.

        Raises:
            RecordError: a record cannot be read; one line that names file and line.
        """
        from graph_distillery.bench.records import read_records

        return read_records(self.path).records

    def to_frame(self) -> pd.DataFrame:
        """A row per record; `graph_distillery.bench.records.frame.COLUMNS` says what each column holds."""
        from graph_distillery.bench.records.frame import to_frame

        return to_frame(self.records())

    def students(self) -> dict[str, StudentCard]:
        """The cards of its saved students, by their ids; `save_students` saves them."""
        from graph_distillery.bench.students.card import saved_in

        return saved_in(self.path)

    def student(
        self,
        id: str | None = None,
        *,
        dataset: str | None = None,
        method: str | None = None,
        model: str | None = None,
        allow_code: bool = False,
    ) -> Student:
        """The saved student of that id, or the one of that dataset, method and model with the best validation score.

        allow_code: as of `load_student`.

        Raises:
            UserError: none of its students is that; one line.
        """
        from graph_distillery.bench.students.card import best_of
        from graph_distillery.bench.students.student import load_student

        place = best_of(self.path, id, {"dataset": dataset, "method": method, "model": model})
        return load_student(place, allow_code)

    def status(self) -> StoreStatus:
        """Per cell what is done, running and failed, and the best validation score so far."""
        from graph_distillery.bench.sweeps.store.kept_status import read_status

        return read_status(self.path)


def open_store(path: AnyPath) -> Store:
    """A store that is there.

    Raises:
        UserError: there is none at `path`.
    """
    from graph_distillery.bench.sweeps.store.files import read_facts

    read_facts(Path(path))
    return Store(Path(path))


def sweep(
    spec: AnyPath | Mapping[str, Any],
    out: AnyPath | None = None,
    *,
    executor: str = "local",
    workers: int = 0,
    device: str = "cpu",
    address: str | None = None,
    data: AnyPath | None = None,
    retry_failed: bool = False,
    save_students: str | None = None,
    cache: bool = True,
    budget_hours: float | None = None,
) -> Store:
    """Carry out a spec into a store; on a store that has some of it, the rest. `distillery sweep`.

    spec: a YAML file, or the same content as a mapping. out: None names the folder after the spec. executor: local or
    ray. workers: processes; 0 trains in this one. device: cpu, cuda or cuda:N. address: of a Ray cluster. data: where
    datasets lie and are downloaded to. retry_failed: what failed is done again. save_students: `best` of every cell or
    `all`, in its folder `students`. cache: take teachers and artefacts that another store's sweep made, and keep these
    for others. budget_hours: do the cells that fit, the shortest first; called again, the rest. What failed is in the
    records.

    Raises:
        UserError: the spec, the data or the store is not in order; nothing is trained then.
        RecordError: a record could not be written.
    """
    from graph_distillery.bench.sweeps import preflight
    from graph_distillery.bench.sweeps.spec import parse_spec, read_spec
    from graph_distillery.bench.sweeps.store.files import plan_in
    from graph_distillery.bench.sweeps.store.students import StudentsKept
    from graph_distillery.bench.sweeps.sweep import run_sweep

    read = parse_spec(dict(spec), "spec") if isinstance(spec, Mapping) else read_spec(Path(spec))
    path = Path(out if out is not None else read.name)
    plan = plan_in(path, read, preflight.data_folder(Path(data) if data is not None else None))
    kept = StudentsKept.parse(save_students) if save_students is not None else None
    means = preflight.means(executor, workers, device, address, cache)
    budget_s = None if budget_hours is None else 3600 * budget_hours
    run_sweep(plan, path, means, retry_failed=retry_failed, students=kept, budget_s=budget_s)
    return Store(path)


def load_student(path: AnyPath, *, allow_code: bool = False) -> Student:
    """A saved student, by its folder or one of its files; of a store with one student also by that.

    allow_code: whether the module may run that a card names where the network is a class of somebody's own
    (`python:module:Class`); nothing else of a saved student is code.

    Raises:
        UserError: there is none, its weights are not those that were written, or its card names code; one line.
    """
    from graph_distillery.bench.students.student import load_student as load

    return load(path, allow_code)


def predict(
    student: Student | AnyPath,
    data: Graph | Data | Tensor | NDArray[Any] | AnyPath,
    items: Iterable[int] | None = None,
    *,
    allow_code: bool = False,
) -> Prediction:
    """Classes and probabilities of nodes (or graphs). `distillery predict`.

    student: loaded, or where it is saved. data: the file of a graph; or a graph of the suite, a PyG `Data`, or
    [nodes, features], a tensor or an array, for a student that reads no arcs. items: their numbers in it; None: all.
    allow_code: as of `load_student`.

    Raises:
        UserError: the student or the graph is not in order, or an item is not there; one line.
    """
    from graph_distillery.bench.students.student import Student, load_student

    loaded = student if isinstance(student, Student) else load_student(student, allow_code)
    if isinstance(data, str | PathLike):
        from graph_distillery.bench.data.files.reading import read_graph

        data = read_graph(Path(data)).graph
    return loaded.predict(data, None if items is None else list(items))


def export(
    student: Student | AnyPath,
    out: AnyPath,
    *,
    format: str = "onnx",
    graph: AnyPath | None = None,
    allow_code: bool = False,
) -> ExportedFile:
    """Write a student as ONNX or `torch-export`, and run the file beside it. `distillery export`.

    graph: the file of a graph to compare on; None: the test items of the student's own data. What is returned says how
    far the file's logits are from the student's; a file that does not agree is not kept. allow_code: as of
    `load_student`.

    Raises:
        UserError: the student, the format or the data are not in order, or the model has no form for exporters.
    """
    from graph_distillery.bench.students import exporting
    from graph_distillery.bench.students.card import folder_of
    from graph_distillery.bench.students.source import GraphChoice, adopt_datasets, checked_on
    from graph_distillery.bench.students.student import Student, load_student

    kind = exporting.parse_format(format)
    if not isinstance(student, Student):
        adopt_datasets(folder_of(Path(student)))
        student = load_student(student, allow_code)
    choice = GraphChoice(file=Path(graph) if graph is not None else None, allow_code=allow_code)
    return exporting.export(student, kind, Path(out), checked_on(student, choice))


def recommend(
    store: AnyPath, *, latency_ms: float | None = None, parameters: int | None = None, dataset: str | None = None
) -> list[Candidate]:
    """The students of a store under a latency or size, the best of each dataset first; `tied` where the test does not
    tell one from it. `distillery recommend`.

    Raises:
        UserError: there is no store, or no student in it with report runs and a latency.
    """
    from graph_distillery.bench.cli.commands.students.recommend import Limits, recommended

    found = recommended(Path(store), Limits(latency_ms, parameters), dataset)
    return [candidate for ranked in found.ranked for candidate in ranked]


def leaderboard(stores: Iterable[AnyPath], out: AnyPath, *, plots: bool = True) -> BoardResult:
    """Build the board of stores as a folder. `distillery leaderboard`.

    Raises:
        BoardError: a store cannot be read, or two of them contradict each other; nothing is written.
    """
    from graph_distillery.leaderboard import build_board

    return build_board(map(Path, stores), Path(out), plots=plots)
