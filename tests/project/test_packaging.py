"""What is shipped: all of the packages, with every dependency named, and usable away from the checkout."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path, package_files: list[Path]) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {
        file.as_posix() if file.parts[0] == "graph_distillery" else f"graph_distillery/{file.as_posix()}"
        for file in package_files
    }


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
    assert metadata["Name"] == "graph-distillery"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert b"Apache License" in archive.read(f"{info}/licenses/LICENSE")
    assert (
        "distillery = graph_distillery.bench.cli:main" in archive.read(f"{info}/entry_points.txt").decode().splitlines()
    )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment: the wheel, and the libraries of this one.

    A path line in a .pth file lends it our libraries without running their own .pth files, so an editable
    install of the checkout stays out of sight.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=os.name != "nt", with_pip=False)
    scheme = {"base": str(home), "platbase": str(home)}
    lent = {str(Path(module.__file__).parents[1]) for module in (numpy, torch, typer)}
    lines = "".join(f"{path}\n" for path in sorted(lent))
    Path(sysconfig.get_path("purelib", "venv", scheme), "lent.pth").write_text(lines, encoding="utf-8")
    scripts = Path(sysconfig.get_path("scripts", "venv", scheme))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--ignore-installed", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *options, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return scripts


def run_away(command: list[str | Path], cwd: Path, timeout_s: float, **variables: str) -> str:
    """Run where the checkout cannot be seen, and return what was printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_installed_command_lists_the_methods(installed: Path, tmp_path: Path, repo_root: Path) -> None:
    rooms = [f"graph_distillery.{room}" for room in ("bench", "leaderboard", "methods", "search_spaces")]
    show = f"import sys, {', '.join(rooms)}; print(*(sys.modules[room].__file__ for room in {rooms}))"
    assert str(repo_root) not in run_away([installed / "python", "-c", show], tmp_path, timeout_s=60)
    listing = run_away([installed / "distillery", "list", "methods"], tmp_path, timeout_s=120)
    assert {"kd", "glnn", "supervised"} <= set(listing.lower().replace("|", " ").replace("│", " ").split())


def test_an_environment_gets_one_package_and_its_metadata(installed: Path) -> None:
    (site_packages,) = installed.parent.glob("lib/python*/site-packages")
    got = {path.name for path in site_packages.iterdir()} - {"lent.pth"}
    assert {name for name in got if not name.endswith(".dist-info")} == {"graph_distillery"}
    assert [name.partition("-")[0] for name in got if name.endswith(".dist-info")] == ["graph_distillery"]


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A user's project that has packages of its own under the names of the rooms; importing one is an error."""
    for room in ("methods", "search_spaces", "bench", "leaderboard"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(f"raise RuntimeError('the package {room} of the user')\n")
    return tmp_path


@pytest.mark.parametrize("path", ["", "."])
def test_a_project_may_have_packages_named_as_the_rooms(installed: Path, crowded: Path, path: str) -> None:
    code = "import graph_distillery as gd; print(*(getattr(gd, name).__name__ for name in gd.__all__))"
    assert "sweep" in run_away([installed / "python", "-c", code], crowded, timeout_s=120, PYTHONPATH=path)
    listing = run_away([installed / "distillery", "list", "methods"], crowded, timeout_s=120, PYTHONPATH=path)
    assert "glnn" in listing


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_installed_demo_runs(installed: Path, crowded: Path) -> None:
    assert run_away([installed / "distillery", "demo"], crowded, timeout_s=1700, PYTHONPATH=".")
    assert (crowded / "distillery-demo" / "board" / "README.md").stat().st_size > 1000


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(parsed.name): parsed for parsed in map(Requirement, lines)}


def test_every_imported_library_is_declared(imports: dict[Path, set[str]], pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    used = [line for name in ("ogb", "cma-es", "mlflow", "onnx", "picture", "wandb") for line in extras[name]]
    declared = set(requirements([*project["dependencies"], *used]))
    distributions = packages_distributions()
    own = {file.parts[0] for file in imports}
    undeclared = {
        (name, file.as_posix())
        for file, names in imports.items()
        for name in names - own - sys.stdlib_module_names
        if not declared & {canonicalize_name(owner) for owner in distributions.get(name, [name])}
    }
    called_by_pytest = {("pytest", "bench/conformance/suite.py")}  # it runs inside pytest alone
    assert undeclared == called_by_pytest


def test_the_lock_pins_every_dependency_at_or_above_its_floor(repo_root: Path, pyproject: dict[str, Any]) -> None:
    lines = (repo_root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = requirements([line for line in lines if not line.startswith("#")])
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    for name, wanted in requirements([*project["dependencies"], *extras["test"], *extras["dev"]]).items():
        (pin,) = pins[name].specifier
        assert pin.operator == "=="
        assert "+" not in pin.version, "a local version, which no index but one machine's own has"
        assert wanted.specifier.contains(pin.version), f"{wanted} against {pins[name]}"
    assert all(pin.url is None for pin in pins.values())
