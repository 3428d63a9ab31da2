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

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LONGEST_MODULE = 400


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
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = "".join(f"{path}\n" for path in sorted(lent))
    Path(sysconfig.get_path("purelib", "venv", scheme), "lent.pth").write_text(lines, encoding="utf-8")
    scripts = Path(sysconfig.get_path("scripts", "venv", scheme))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--ignore-installed", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *options, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return scripts


def run_away(command: list[str | Path], cwd: Path, timeout_s: float) -> str:
    """Run where the checkout cannot be seen, and return what was printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_installed_command_lists_the_methods(installed: Path, tmp_path: Path, repo_root: Path) -> None:
    rooms = "bench, leaderboard, methods, search_spaces"
    show = f"from graph_distillery import {rooms}; print(*(room.__file__ for room in ({rooms})))"
    assert str(repo_root) not in run_away([installed / "python", "-c", show], tmp_path, timeout_s=60)
    listing = run_away([installed / "distillery", "list", "methods"], tmp_path, timeout_s=120)
    assert {"kd", "glnn", "supervised"} <= set(listing.lower().replace("|", " ").replace("│", " ").split())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_installed_demo_runs(installed: Path, tmp_path: Path) -> None:
    assert run_away([installed / "distillery", "demo"], tmp_path, timeout_s=1700)


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(parsed.name): parsed for parsed in map(Requirement, lines)}


def test_every_imported_library_is_declared(imports: dict[Path, set[str]], pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    used = [line for name in ("ogb", "cma-es", "mlflow", "picture", "wandb") for line in extras[name]]
    declared = set(requirements([*project["dependencies"], *used]))
    distributions = packages_distributions()
    own = {file.parts[0] for file in imports}
    undeclared = {
        (name, file.as_posix())
        for file, names in imports.items()
        for name in names - own - sys.stdlib_module_names
        if not declared & {canonicalize_name(owner) for owner in distributions.get(name, [name])}
    }
    assert undeclared == set()


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


def test_no_module_is_too_long(repo_root: Path) -> None:
    lengths = {
        file.relative_to(repo_root).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for room in ("methods", "search_spaces", "bench", "leaderboard", "tests")
        for file in (repo_root / room).rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}
