"""The workflows that hold published boards to their records: valid, harmless, and made of commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml

from graph_distillery.bench.cli.app import app

WORKFLOWS = Path(__file__).resolve().parents[2] / ".github" / "workflows"
#: What a job may beside reading; only the page's own job may anything.
MAY = {"publish": {"pages": "write", "id-token": "write"}}


@pytest.mark.parametrize(
    ("name", "used"), [("leaderboard.yml", {"verify", "leaderboard", "submit"}), ("board.yml", {"verify"})]
)
def test_a_workflow_calls_commands_that_exist_and_writes_nothing_but_the_page(name, used):
    workflow = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads "on" as true
    for job, content in workflow["jobs"].items():
        assert content.get("permissions") == MAY.get(job)
        if job in MAY:  # what is written is what another job has verified, and no code of the branch runs here
            assert content["needs"] == "verify"
            assert "refs/heads/main" in content["if"]
            assert not any("run" in step for step in content["steps"])
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    scripts = [step["run"] for step in steps if "run" in step]
    assert not any("${{" in script for script in scripts)  # a branch's name must not become a command
    commands = typer.main.get_command(app).commands
    called = [line for script in scripts for line in re.findall(r"distillery ([a-z]+[^\n|]*)", script)]
    assert {line.split()[0] for line in called} == used <= commands.keys()
    for line in called:
        name, *words = line.split()
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
