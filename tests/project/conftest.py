"""The files of the package and its four rooms, what the project declares, and its wheel, built once."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("methods", "search_spaces", "bench", "leaderboard")
#: Committed results, which no wheel holds.
RESULTS = {("leaderboard", name) for name in ("board", "example", "field", "reproductions")}


@pytest.fixture(scope="session")
def package_files(repo_root: Path) -> list[Path]:
    """Every source file of the package and its rooms, relative to the root; the committed results are none."""
    return sorted(
        path.relative_to(repo_root)
        for package in ("graph_distillery", *PACKAGES)
        for path in (repo_root / package).rglob("*")
        if path.is_file()
        and not any(above.is_symlink() for above in path.parents)
        and "__pycache__" not in path.parts
        and path.relative_to(repo_root).parts[:2] not in RESULTS
        and not path.name.startswith(".")
    )


@pytest.fixture(scope="session")
def imports(repo_root: Path, package_files: list[Path]) -> dict[Path, set[str]]:
    """Per module of the packages: the top-level names it imports, at the top or inside a function."""
    found: dict[Path, set[str]] = {}
    for file in package_files:
        if file.suffix != ".py":
            continue
        names = found.setdefault(file, set())
        for node in ast.walk(ast.parse((repo_root / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return found


@pytest.fixture(scope="session")
def pyproject(repo_root: Path) -> dict[str, Any]:
    return tomllib.loads((repo_root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def wheel(repo_root: Path, package_files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources so that no build folder is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for file in [*package_files, *map(Path, ("pyproject.toml", "README.md", "LICENSE"))]:
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repo_root / file, source / file)
    for room in PACKAGES:
        (source / "graph_distillery" / room).symlink_to(Path("..") / room)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    build = subprocess.run(command, capture_output=True, text=True, check=False, cwd=out)
    assert build.returncode == 0, build.stdout + build.stderr
    (built,) = out.glob("*.whl")
    return built
