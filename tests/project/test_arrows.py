"""The arrows import-linter (pyproject.toml) cannot state: what a process loads, where ray may stand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "torch_geometric", "ray")


def loaded_by(code: str, cwd: Path) -> set[str]:
    """The top-level modules that a fresh interpreter, started in ``cwd``, has loaded after ``code``."""
    report = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", ["", ".methods", ".search_spaces", ".bench", ".bench.records", ".leaderboard"])
def test_importing_a_room_loads_neither_torch_nor_ray(package: str, repo_root: Path) -> None:
    assert loaded_by(f"import graph_distillery{package} as room\nassert room.__file__", repo_root).isdisjoint(HEAVY)


LIGHT = (
    *("--help", "leaderboard --help", "sweep --help", "list methods", "list models", "list datasets", "list papers"),
    *("info kd", "info kd+at", "info colinkdist", "info gat", "info fmlp-s", "info karate --json"),
)


@pytest.mark.parametrize("arguments", [words.split() for words in LIGHT], ids=LIGHT)
def test_light_commands_load_neither_torch_nor_ray(arguments: list[str], repo_root: Path) -> None:
    code = f"""
import sys
sys.argv = ["distillery", *{arguments!r}]
from graph_distillery.bench.cli import main
try:
    code = main()
except SystemExit as exit:
    code = exit.code
assert not code, code
"""
    assert loaded_by(code, repo_root).isdisjoint(HEAVY)


def test_ray_is_imported_only_inside_its_executor(imports: dict[Path, set[str]]) -> None:
    """And in what `distillery perf --sweep` measures it against."""
    allowed = ("bench/sweeps/executors/ray_*.py", "bench/sweeps/trackers/ray_*.py", "bench/perf/references/ray_*.py")
    users = [file for file, names in imports.items() if "ray" in names]
    assert [file for file in users if not any(file.match(pattern) for pattern in allowed)] == []


def test_a_sweep_can_be_driven_without_ray(repo_root: Path) -> None:
    """Everything else imports where Ray is not installed."""
    code = """
import sys
sys.modules["ray"] = None
import importlib, pkgutil
from graph_distillery import bench
for module in pkgutil.walk_packages(bench.__path__, bench.__name__ + "."):
    if not module.name.rsplit(".", 1)[-1].startswith(("ray_", "__main__")):
        importlib.import_module(module.name)
del sys.modules["ray"]
"""
    assert "ray" not in loaded_by(code, repo_root)
