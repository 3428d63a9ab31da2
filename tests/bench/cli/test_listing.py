"""list, info, doctor, perf and help."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.papers import table_names
from graph_distillery.methods import METHODS

REGISTRIES: dict[str, Any] = {"methods": METHODS, "datasets": DATASETS, "models": MODELS}


@pytest.mark.parametrize("what", list(REGISTRIES))
def test_a_listing_and_its_json_name_every_entry(what: str, distillery: Callable[..., Any]) -> None:
    names = REGISTRIES[what].names
    assert [row["name"] for row in distillery("list", what, "--json").json] == names
    lines = distillery("list", what).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == names, "one line each, however long"


def test_the_papers_are_those_of_the_methods_and_tables(distillery: Callable[..., Any]) -> None:
    papers = distillery("list", "papers", "--json").json
    assert {paper["url"] for paper in papers if paper["methods"]} == {info.url for info in METHODS if info.url}
    assert sorted(table for paper in papers for table in paper["tables"]) == sorted(table_names())
    assert all(paper["methods"] or paper["tables"] for paper in papers)
    assert [paper["year"] for paper in papers] == sorted(paper["year"] for paper in papers)
    assert {"paper", "venue", "year", "url", "methods", "tables"} == set(papers[0])


@pytest.mark.parametrize("name", [*METHODS.names, *MODELS.names])
def test_info_gives_every_hyperparameter_with_its_default(name: str, distillery: Callable[..., Any]) -> None:
    facts = distillery("info", name, "--json").json
    assert facts["name"] == name
    registry: Any = METHODS if facts["kind"] == "method" else MODELS
    schema = registry.load(name).Hyperparameters.model_fields
    rows = {row["name"]: row for row in facts["hyperparameters"]}
    assert set(schema) <= set(rows)
    for hyperparameter, field in schema.items():
        assert rows[hyperparameter]["description"] == (field.description or "")
    assert all(row["range"] and row["source"] for row in rows.values() if row["tuned"])
    told = distillery("info", name).out
    assert all(row in told for row in rows)
    if facts["kind"] == "model":
        assert f"computes   {facts['computes']}\n" in told
        assert facts["computes"]


def test_info_tells_variants_and_what_inference_needs(distillery: Callable[..., Any]) -> None:
    facts = distillery("info", "glnn", "--json").json
    assert list(facts["variants"]) == ["paper", "official_code"]
    assert facts["inference"] == "features"
    assert facts["url"] in distillery("info", "glnn").out


@pytest.mark.parametrize("name", ["digits-knn", "csbm", "cora", "collab", "ogbn-arxiv"])
def test_info_tells_whether_a_dataset_is_at_hand(name: str, distillery: Callable[..., Any]) -> None:
    facts = distillery("info", name, "--json").json
    assert facts["at_hand"] is (facts["origin"] != "download")
    assert facts["task"] in distillery("info", name).out


def test_info_finds_raw_files_in_the_mirror(
    distillery: Callable[..., Any], mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(mirror))
    assert distillery("info", "cora", "--json").json["at_hand"] is True


def test_the_doctor_finds_this_machine_in_order(distillery: Callable[..., Any], tmp_path: Path) -> None:
    done = distillery("doctor", "--json")
    findings = {finding["name"]: finding for finding in done.json}
    assert done.code == 0, findings
    assert {"python", "torch", "devices", "threads", "datasets", "data folder"} <= set(findings)
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_what_is_broken(distillery: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_MIRROR", "/nowhere/at/all")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    done = distillery("doctor", "--json")
    broken = {finding["name"] for finding in done.json if finding["verdict"] == "broken"}
    assert done.code == 1
    assert {"mirror", "safetensors"} <= broken


def test_perf_judges_ratios_from_below_and_costs_from_above(
    distillery: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from graph_distillery.bench.perf import training as perf

    rows = [
        perf.PerfRow("fast", 2.0, 1.5, "x", "d"),
        perf.PerfRow("slow", 1.0, 1.5, "x", "d"),
        perf.PerfRow("cheap", 1.0, 1.5, "ms", "d"),
        perf.PerfRow("dear", 2.0, 1.5, "ms", "d"),
    ]
    monkeypatch.setattr(perf, "_MEASUREMENTS", {row.name: (lambda row=row: row) for row in rows})
    done = distillery("perf", "--json")
    assert (done.code, [row["ok"] for row in done.json]) == (1, [True, False, True, False])
    assert distillery("perf", "--only", "fast", "--only", "cheap").code == 0
    assert "did you mean 'cheap'" in distillery("perf", "--only", "chaep").err


def test_help_is_short_and_there_for_every_command(distillery: Callable[..., Any]) -> None:
    done = distillery("--help")
    assert done.code == 0
    assert len(done.out.splitlines()) < 30
    assert "..." not in done.out.split("Commands:")[1]
    commands = [line.split()[0] for line in done.out.split("Commands:")[1].splitlines() if line.strip()]
    assert set(commands) >= {"demo", "list", "info", "run", "sweep", "status", "leaderboard", "doctor", "perf"}
    for command in commands:
        told = distillery(command, "--help")
        assert (told.code, told.err) == (0, "")
        assert len(told.out.splitlines()) < 45
    assert "DISTILLERY_MIRROR" in distillery("sweep", "--help").out
    assert distillery("--version").out.startswith("distillery ")


def test_a_reader_who_leaves_early_sees_no_traceback(repo_root: Path) -> None:
    command = [sys.executable, "-m", "graph_distillery.bench.cli", "list", "methods"]
    with subprocess.Popen(command, cwd=repo_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0
