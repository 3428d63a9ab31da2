"""The command line called in this process, and small sweeps for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.cli import main


@dataclass(frozen=True)
class Called:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def distillery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Called]:
    """``distillery("list", "methods")`` in an empty folder, without a mirror, with its own data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISTILLERY_MIRROR", raising=False)
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))

    def call(*arguments: str | Path) -> Called:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Called(code, captured.out, captured.err)

    return call


@pytest.fixture
def write_spec(mini: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    """``write_spec(methods=["kd"])``: the file of a sweep of seconds, with fields changed."""

    def write(file: str = "mini.yaml", **changes: Any) -> Path:
        path = tmp_path / file
        path.write_text(yaml.safe_dump({**mini, **changes}), encoding="utf-8")
        return path

    return write


def _contents(store: Path) -> dict[str, Any]:
    """What must be the same whenever and wherever it ran: by id, hyperparameters, seed, scores."""
    records = [
        json.loads(line)
        for file in sorted((store / "records").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return {each["id"]: [each["kind"], each["hparams"], each["seed"], each["metrics"]] for each in records}


@pytest.fixture
def contents() -> Callable[[Path], dict[str, Any]]:
    """Reads the timeless part of a store's records."""
    return _contents
