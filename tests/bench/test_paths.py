"""Folders that a user names: what is wrong with one is a line, and nothing is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import graph_distillery as gd
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written

LONG = "n" * 300


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a file", "a file: is a file, not a folder"),
        ("a file/below", "a file is not a folder"),
        (LONG, "name too long"),
        (f"not there/{LONG}", "name too long"),
        (f"not there/{LONG}/below", "name too long"),
    ],
)
def test_a_folder_that_cannot_be(path: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a file").write_text("x")
    with pytest.raises(UserError, match=reason) as caught:
        can_be_written(Path(path))
    assert len(str(caught.value)) < 400
    with pytest.raises(UserError, match=reason):
        gd.sweep({"name": "x", "datasets": ["karate"], "methods": ["majority"], "report": {"seeds": [0]}}, path)
    assert os.listdir() == ["a file"]


def test_a_folder_that_can_be(tmp_path: Path) -> None:
    assert can_be_written(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no users by number")
def test_a_folder_of_somebody_else() -> None:
    """By a process that is not root, which may write everywhere."""
    line = "import os, sys; sys.path[:0] = sys.argv[1:]; from pathlib import Path; "
    line += "from graph_distillery.bench.paths import can_be_written; os.getuid() or os.setuid(65534); "
    line += "can_be_written(Path('/usr/a/b'))"
    ended = subprocess.run([sys.executable, "-c", line, *sys.path], capture_output=True, text=True, check=False)
    assert "UserError: /usr/a/b: cannot be written: /usr: Permission denied" in ended.stderr


def test_what_a_store_cannot_be_trained_with_is_said_to_python_too(tmp_path: Path) -> None:
    """As on the command line: before a folder is made."""
    spec = {
        "name": "x",
        "datasets": ["karate"],
        "students": [{"model": "mlp", "fix": {"dropout": 3.0}}],
        "methods": ["supervised"],
        "report": {"seeds": [0]},
    }
    with pytest.raises(UserError, match="dropout"):
        gd.sweep(spec, tmp_path / "store")
    assert not (tmp_path / "store").exists()
