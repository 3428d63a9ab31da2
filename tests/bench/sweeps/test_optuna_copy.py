"""The copy has what the records have, once; it is never read back, and a database that fails stops nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.study.optuna_copy import OptunaCopy, check_url
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Plan:
    student = {"model": "mlp", "hidden": 8, "layers": 2, "epochs": 2}
    search = {"trials": 4, "seeds": [100, 101, 102], "sampler": "random"}
    return plan_of(teachers=[], students=[student], methods=["supervised"], search=search, report={"seeds": 1})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    homes = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((home for home in reversed(homes) if (home / "postgres").exists()), None)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of a database on a server of our own, which needs another user where we are root."""
    home = postgres_binaries()
    if home is None:
        absent = "no PostgreSQL server programs (Debian: apt install postgresql)"
        if "postgresql" in os.environ.get("DISTILLERY_REQUIRE", "").split():
            pytest.fail(absent)
        pytest.skip(absent)
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    account: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres" if any(u.pw_name == "postgres" for u in pwd.getpwall()) else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        account |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    secret = folder.parent / f"{folder.name}.secret"
    secret.write_text("a:secret@word\n")
    secret.chmod(0o644)
    port = free_port()
    made = [home / "initdb", "-D", folder / "data", "-U", "keeper", "-A", "scram-sha-256", f"--pwfile={secret}", "-N"]
    subprocess.run(made, check=True, **account)
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen([home / "postgres", "-D", folder / "data", *options], **account)
    try:
        for _ in range(200):
            if (
                subprocess.run(
                    [home / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], **account, check=False
                ).returncode
                == 0
            ):
                break
            time.sleep(0.1)
        yield f"postgresql://keeper:a%3Asecret%40word@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)
        secret.unlink()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return check_url(f"sqlite:///{tmp_path}/studies.db")
    return check_url(request.getfixturevalue("postgresql"))


def copied(url: str) -> dict[str, list[optuna.trial.FrozenTrial]]:
    """The studies in the database, as optuna-dashboard would load them."""
    storage = optuna.storages.RDBStorage(url)
    found = {
        study.study_name: optuna.load_study(study_name=study.study_name, storage=storage).trials
        for study in storage.get_all_studies()
    }
    storage.remove_session()
    storage.engine.dispose()
    return found


def test_the_studies_are_there_once_also_after_an_interrupted_sweep(plan: Plan, url: str, tmp_path: Path) -> None:
    store, told = tmp_path / "store", []

    def stop_after(count: int) -> Callable[[Any], Any]:
        left = [count]

        def listen(record: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        return lambda driver: listen

    for records in (3, 4):  # then without the copy, and at last all that is missing comes over
        with pytest.raises(KeyboardInterrupt):
            run_sweep(plan, store, listener=stop_after(records), on_message=told.append, optuna_storage=url)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, store, listener=stop_after(2))
    for _ in range(2):
        run_sweep(plan, store, on_message=told.append, optuna_storage=url)
    assert all("still behind" in line for line in told)  # an interrupted sweep does not wait for a slow machine
    ((name, trials),) = copied(url).items()
    (cell,) = (cell for cell in plan.cells if cell.trials)
    assert name == f"small: {cell.label} [{cell.id}]"
    assert sorted(trial.user_attrs["trial"] for trial in trials) == [0, 1, 2, 3]
    for trial in trials:
        own = [r for r in read_records(store).records if r.search and r.search.trial == trial.user_attrs["trial"]]
        assert trial.user_attrs["scores"] == {str(r.seed): r.metrics.val["accuracy"] for r in own}
        pruned = own[-1].status == "pruned"
        assert trial.state == (optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE)
        assert trial.params == {k: v for k, v in own[0].hparams.items() if k in cell.space.parameters}
        if not pruned:
            assert trial.value == pytest.approx(sum(r.metrics.val["accuracy"] for r in own) / 3)
        assert trial.datetime_complete is not None
        assert abs(trial.datetime_complete.timestamp() - time.time()) < 300


def test_a_database_that_fails_is_told_once_and_stops_nothing(plan: Plan, tmp_path: Path) -> None:
    told: list[str] = []
    url = check_url(f"postgresql://keeper:secretword@127.0.0.1:{free_port()}/nowhere")
    summary = run_sweep(plan, tmp_path / "store", on_message=told.append, optuna_storage=url)
    assert summary.ok
    (line,) = told
    assert "127.0.0.1" in line
    assert "no longer written to" in line
    assert "secretword" not in line
    assert "\n" not in line


def test_a_failed_trial_that_was_tried_again_comes_over_once(plan: Plan, tmp_path: Path) -> None:
    run_sweep(plan, tmp_path / "store")
    url, told = check_url(f"sqlite:///{tmp_path}/studies.db"), []
    (cell,) = (cell for cell in plan.cells if cell.trials)
    records = [record for record in read_records(tmp_path / "store").records if record.kind == "trial"]
    broken = [record.model_copy(update={"status": "oom"}) if record.seed == 100 else record for record in records]
    for known in (broken, broken, records, records):
        run = CellRun(cell, plan.spec)
        run.take(known)
        OptunaCopy(url, "small", {cell.id: run}, told.append).close()
    assert told == []
    (trials,) = copied(url).values()
    failed = [trial.user_attrs["trial"] for trial in trials if trial.state == optuna.trial.TrialState.FAIL]
    well = [trial.user_attrs["trial"] for trial in trials if trial.state != optuna.trial.TrialState.FAIL]
    assert failed == well == [0, 1, 2, 3]


def test_what_stands_in_the_mirror_is_never_believed(plan: Plan, tmp_path: Path) -> None:
    """Other values there, and the sweep ends as without it."""
    alone = tmp_path / "alone"
    run_sweep(plan, alone)
    url = check_url(f"sqlite:///{tmp_path}/studies.db")
    (cell,) = (cell for cell in plan.cells if cell.trials)
    liar = optuna.create_study(storage=url, study_name=f"small: {cell.label} [{cell.id}]", direction="maximize")
    for number in (1, 2):
        liar.add_trial(optuna.trial.create_trial(value=1.0, user_attrs={"trial": number}))
    run_sweep(plan, tmp_path / "store", optuna_storage=url)
    one, other = (read_records(path).records for path in (alone, tmp_path / "store"))
    assert [(r.id, r.hparams, r.metrics) for r in one] == [(r.id, r.hparams, r.metrics) for r in other]
    assert len(copied(url)[liar.study_name]) == 4


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("studies.db", "'studies.db' is no URL; write sqlite:///FILE"),
        ("sqlite://", "names no file"),
        ("postgresql://h", "names no database"),
        ("mysql://h/d", "unknown database 'mysql'"),
        ("sqlit:///d", "did you mean 'sqlite'?"),
        (
            "postgresql+nothing://h/d",
            "the driver 'nothing' that the URL names, or write postgresql://... for",
        ),
    ],
)
def test_a_wrong_url_is_one_line(url: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        check_url(url)
    assert str(caught.value).startswith("--optuna-storage: ")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
