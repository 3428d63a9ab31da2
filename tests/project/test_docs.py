"""The pages for users are true: their commands exist, those marked to be run do run, and their links lead somewhere."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from graph_distillery.bench.cli import main
from graph_distillery.bench.cli.app import app
from graph_distillery.bench.documents.tables import pages

BLOCK = re.compile(
    r"^(?P<run><!-- run -->\n)?```(?P<kind>\w+)(?: title=(?P<title>\S+))?\n(?P<body>.*?)^```$", re.M | re.S
)
PAGES = {page.name: page for page in pages()}


def commands(body: str) -> Iterator[list[str]]:
    """The `distillery` commands of a console block, without prompt and comment."""
    for line in body.splitlines():
        for part in line.removeprefix("$ ").split("&&"):
            words = shlex.split(part, comments=True)
            if line.startswith("$ ") and words and words[0] == "distillery":
                yield words[1:]


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_one_that_there_is(name: str) -> None:
    """Parsed with its options and arguments, not run."""
    known = getattr(typer.main.get_command(app), "commands")  # noqa: B009 - typer exports no type that has them
    for block in BLOCK.finditer(PAGES[name].read_text(encoding="utf-8")):
        for command, *arguments in commands(block["body"]):
            if command != "--help":
                assert command in known, command
                known[command].make_context(command, arguments)


@pytest.mark.parametrize(
    "name", [name for name, page in PAGES.items() if "<!-- run -->" in page.read_text(encoding="utf-8")]
)
def test_what_a_page_marks_to_be_run_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, block after block, with the files that the page gives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISTILLERY_DATA", str(tmp_path / "data"))
    for number, block in enumerate(BLOCK.finditer(PAGES[name].read_text(encoding="utf-8"))):
        if block["title"]:
            Path(block["title"]).parent.mkdir(parents=True, exist_ok=True)
            Path(block["title"]).write_text(block["body"], encoding="utf-8")
        if block["run"] and block["kind"] == "python":
            Path(f"block-{number}.py").write_text(block["body"], encoding="utf-8")
            runpy.run_path(f"block-{number}.py")
        elif block["run"]:
            for arguments in commands(block["body"]):
                assert main(arguments) == 0, arguments


def test_every_page_but_reference_has_something_to_run() -> None:
    silent = {name for name, page in PAGES.items() if "<!-- run -->" not in page.read_text(encoding="utf-8")}
    assert silent <= {"CONTRIBUTING.md", "clusters.md", "large.md", "leaderboard-json.md"}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    page = PAGES[name]
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not re.match(r"https?://|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_the_readme_is_short() -> None:
    text = PAGES["README.md"].read_text(encoding="utf-8")
    assert len(text) < 7000
    assert text.count("\n") < 130


def test_the_method_that_contributing_builds_conforms(repo_root: Path, tmp_path: Path) -> None:
    """In a copy of the sources: what is added is its folder, its search space and its test, and nothing is changed."""
    copy = tmp_path / "copy"
    for room in ("graph_distillery", "methods", "search_spaces", "bench", "leaderboard"):
        ignored = shutil.ignore_patterns("example", "reproductions")  # compiled files come with their sources
        shutil.copytree(repo_root / room, copy / room, symlinks=True, ignore=ignored)
    files = {
        block["title"]: block["body"]
        for block in BLOCK.finditer(PAGES["CONTRIBUTING.md"].read_text(encoding="utf-8"))
        if block["title"]
    }
    assert {name.rpartition("/")[0] for name in files} == {
        "methods/logit_match", "search_spaces/methods", "tests/methods",
    }  # fmt: skip
    for name, body in files.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        assert not (copy / name).exists()
        (copy / name).write_text(body, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/methods/test_logit_match.py"]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert re.search(r"[1-9][0-9]+ passed", done.stdout)
