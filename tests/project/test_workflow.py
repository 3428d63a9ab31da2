"""The workflow that holds a published board to its records: valid, harmless, and made of commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

import typer
import yaml

from graph_distillery.bench.cli.app import app

WORKFLOW = Path(__file__).resolve().parents[2] / ".github" / "workflows" / "leaderboard.yml"


def test_the_workflow_calls_commands_that_exist():
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads "on" as true
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    scripts = [step["run"] for step in steps if "run" in step]
    assert not any("${{" in script for script in scripts)  # a branch's name must not become a command
    commands = typer.main.get_command(app).commands
    called = [line for script in scripts for line in re.findall(r"distillery ([a-z]+[^\n|]*)", script)]
    assert {line.split()[0] for line in called} == {"verify", "leaderboard", "submit"} <= commands.keys()
    for line in called:
        name, *words = line.split()
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known
