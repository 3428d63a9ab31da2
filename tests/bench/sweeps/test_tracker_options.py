"""What --track may ask for: one clear line for everything else, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.trackers import options as trackers
from graph_distillery.bench.sweeps.trackers.options import TrackerTarget, check_trackers
from graph_distillery.bench.sweeps.trackers.tracking import cell_names

MISTAKES = [
    (["tensorbord=runs"], "did you mean 'tensorboard'?"),
    (["wandb=p", "wandb=q"], "--track wandb: named twice"),
    (["tensorboard"], "write --track tensorboard=DIR"),
    (["wandb="], "write --track wandb=PROJECT or wandb=TEAM/PROJECT"),
    (["wandb=a/b/c"], "write wandb=PROJECT or wandb=TEAM/PROJECT"),
    (["tensorboard=file/below"], "file is not a folder"),
    (["mlflow"], "set MLFLOW_TRACKING_URI"),
    (["mlflow=mlruns"], "write sqlite:///FILE, postgresql://..., http://HOST:PORT or databricks"),
    (["mlflow=http://me:secretword@host"], "put the URI into MLFLOW_TRACKING_URI"),
    (["mlflow=postgresql://me:secretword@host/runs"], "put the URI into MLFLOW_TRACKING_URI"),
]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(trackers, "find_spec", lambda name: name)  # the libraries are extras


@pytest.mark.parametrize(("texts", "line"), MISTAKES, ids=lambda value: value[-1] if isinstance(value, list) else "")
def test_a_mistake_is_one_line(texts: list[str], line: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as caught:
        check_trackers(texts)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secretword" not in str(caught.value)


def test_a_missing_library_is_refused_by_the_name_of_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == "mlflow" else name)
    with pytest.raises(UserError, match=r"mlflow is not installed; pip install '\.\[mlflow\]' in a checkout"):
        check_trackers(["wandb=p", "mlflow=sqlite:///runs.db"])


def test_targets_are_taken_as_they_are_and_a_password_from_the_environment_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secretword@host/runs")
    board, server, project = check_trackers(["tensorboard=runs", "mlflow", "wandb=team/a project"])
    assert board == TrackerTarget("tensorboard", str(tmp_path / "runs"))
    assert server == TrackerTarget("mlflow", "postgresql://me:secretword@host/runs")
    assert project == TrackerTarget("wandb", "team/a project")
    assert str(server) == "--track mlflow"
    assert check_trackers(["mlflow=https://host:5000/path"])[0].target == "https://host:5000/path"
    assert not (tmp_path / "runs").exists()


def test_names_say_what_tells_cells_apart_and_no_more() -> None:
    fields = {"name": "n", "datasets": ["karate"], "search": {"trials": 1, "seeds": [100]}, "report": {"seeds": 1}}

    def names(**more: object) -> list[str]:
        return list(cell_names(make_plan(parse_spec({**fields, **more}, "spec.yaml"))).values())

    usual = ["karate supervised mlp", "karate teacher sage", "karate majority", "karate glnn mlp"]
    assert names(teachers=["sage"], students=["mlp"], methods=["glnn"]) == usual
    several = names(teachers=["sage", {"model": "gcn", "tune": 2}], students=["mlp"], methods=["glnn"])
    assert {"karate glnn sage mlp", "karate glnn gcn mlp", "karate supervised gcn as teacher"} <= set(several)
    students = [{"model": "mlp", "hidden": width} for width in (8, 16)]
    alike = names(teachers=["sage"], students=students, methods=["glnn"])
    assert len(set(alike)) == len(alike) == 6
