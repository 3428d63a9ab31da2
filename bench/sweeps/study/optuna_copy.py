"""The studies, copied to SQLite or PostgreSQL for optuna-dashboard. One way: nothing is ever read back from there.

Records stay the truth. A thread writes behind the driver, which never waits for it; a database that fails is told of
once and left alone until the sweep is run again, which first brings over what is missing. Optuna lets no trial that
is over be changed: a failed one that was tried again stands beside what came of it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record
from graph_distillery.bench.sweeps.study import samplers
from graph_distillery.near_names import unknown_line

if TYPE_CHECKING:
    import optuna

    from graph_distillery.bench.sweeps.cell_run import CellRun

BACKENDS = ("sqlite", "postgresql")
#: Seconds to wait for a database: for a connection, or for a lock on its file.
PATIENCE_S = 10
#: Seconds that a sweep which is over waits for its copy.
LINGER_S = 60.0
#: Held by the thread that writes: of two sweeps in one process, the second looks at what is there after the first.
_WRITING = threading.Lock()


def check_url(text: str) -> str:
    """The URL as SQLAlchemy takes it; UserError where there is no such database, or its driver is not installed."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    option = "--optuna-storage"
    try:
        url = make_url(text)
    except ArgumentError:
        raise UserError(
            f"{option}: {text!r} is no URL; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None
    backend = url.get_backend_name()
    if backend not in BACKENDS:
        raise UserError(f"{option}: {unknown_line('database', backend, BACKENDS)}")
    if not url.database:
        raise UserError(f"{option}: {text!r} names no {'file' if backend == 'sqlite' else 'database'}")
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        url.get_dialect().import_dbapi()
    except Exception:
        advice = "pip install '.[postgresql]' in a checkout"
        if url.drivername != "postgresql+psycopg":
            plain = f"{backend}://" + ("... for psycopg 3 (extra postgresql)" if backend == "postgresql" else "...")
            advice = f"install the driver {url.drivername.partition('+')[2]!r} that the URL names, or write {plain}"
        raise UserError(f"{option}: {url.drivername} is not installed; {advice}") from None
    return url.render_as_string(hide_password=False)


@dataclass(frozen=True)
class _Ended:
    """A trial that is over, as it goes to the database."""

    study: str
    about: dict[str, Any]
    directions: list[Any]
    number: int
    trial: optuna.trial.FrozenTrial


class OptunaCopy:
    """Told of each record; `runs` are the driver's, by cell id. `warn` gets the one line if the database fails."""

    def __init__(self, url: str, plan_name: str, runs: Mapping[str, CellRun], warn: Callable[[str], None]) -> None:
        self._url, self._plan_name, self._runs, self._warn = url, plan_name, runs, warn
        self._queue: queue.SimpleQueue[_Ended | None] = queue.SimpleQueue()
        self._failed = self._given_up = False
        for run in runs.values():
            self._put(run, (trial.number for trial in run.known_trials()))
        self._thread = threading.Thread(target=self._write, daemon=True, name="optuna-storage")
        self._thread.start()

    def __call__(self, record: Record) -> None:
        if record.kind == "trial" and record.search and record.search.trial is not None and not self._failed:
            self._put(self._runs[record.cell.id], [record.search.trial])

    def close(self, patience_s: float = LINGER_S) -> None:
        """Wait for what is still to be written, for so long."""
        self._queue.put(None)
        self._thread.join(patience_s)
        if self._thread.is_alive():
            self._given_up = True
            self._warn(f"warning: {self._shown}: still behind; the same command again brings the rest over")

    @property
    def _shown(self) -> str:
        from sqlalchemy.engine import make_url

        return f"--optuna-storage {make_url(self._url).render_as_string(hide_password=True)}"

    # -- what goes over ----------------------------------------------------------------------------------------

    def _put(self, run: CellRun, numbers: Iterable[int]) -> None:
        cell = run.cell
        name = f"{self._plan_name}: {cell.label} [{cell.id}]"
        about = {
            "cell": cell.id,
            "dataset": cell.data.dataset,
            "method": cell.method.name,
            "sampler": run.study.search.sampler,
            "pruner": run.study.search.pruner,
        }
        for number in numbers:
            if run.trial(number).state != "running":
                ended = _Ended(name, about, samplers.directions(run.study), number, _as_shown(run, number))
                self._queue.put(ended)

    def _write(self) -> None:
        try:
            with _WRITING, samplers.knowingly():
                self._write_all()
        except Exception as error:  # whatever a database has to say, the sweep goes on
            self._failed = True
            reason = str(getattr(error, "orig", None) or error.__cause__ or error).strip().splitlines() or [""]
            self._warn(f"warning: {self._shown}: no longer written to: {type(error).__name__}: {reason[0][:300]}")

    def _write_all(self) -> None:
        import optuna
        from sqlalchemy.engine import make_url

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        timeout = "timeout" if make_url(self._url).get_backend_name() == "sqlite" else "connect_timeout"
        storage: Any = None
        studies: dict[str, tuple[optuna.Study, dict[int, Any]]] = {}
        failed = optuna.trial.TrialState.FAIL
        while (ended := self._queue.get()) is not None and not self._given_up:
            if storage is None:
                storage = optuna.storages.RDBStorage(
                    self._url, engine_kwargs={"connect_args": {timeout: PATIENCE_S}, "pool_pre_ping": True}
                )
            if ended.study not in studies:
                studies[ended.study] = _open(storage, ended)
            study, there = studies[ended.study]
            if ended.number not in there or there[ended.number] == failed != ended.trial.state:
                study.add_trial(ended.trial)
                there[ended.number] = ended.trial.state
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def _open(storage: Any, ended: _Ended) -> tuple[optuna.Study, dict[int, Any]]:
    """The study in the database, and its trials' states by their numbers; nothing else of it is looked at."""
    import optuna

    study = optuna.create_study(
        storage=storage, study_name=ended.study, directions=ended.directions, load_if_exists=True
    )
    for name, value in ended.about.items():
        if study.user_attrs.get(name) != value:
            study.set_user_attr(name, value)
    return study, {trial.user_attrs["trial"]: trial.state for trial in study.get_trials(deepcopy=False)}


def _as_shown(run: CellRun, number: int) -> optuna.trial.FrozenTrial:
    """With its number and scores as attributes, and when it ran."""
    trial, records = run.trial(number), run.trials[number]
    frozen = samplers.as_optuna(run.study, trial)
    scores = {str(seed): value for seed, value in trial.values.items()}
    frozen.user_attrs = {"trial": number, "scores": scores}
    if not frozen.params:  # outside the space, so that Optuna has no place for it
        frozen.user_attrs["configuration"] = dict(trial.configuration)
    end = max(datetime.fromisoformat(record.created) for record in records.values())
    seconds = sum(record.timings.train_s for record in records.values())
    frozen.datetime_complete = end.astimezone().replace(tzinfo=None)  # Optuna's are local and say so nowhere
    frozen.datetime_start = frozen.datetime_complete - timedelta(seconds=seconds)
    return frozen
