"""`cache list` and `cache clean`, and the option that leaves the cache alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_sweeps_teachers_are_listed_taken_and_removed(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISTILLERY_CACHE_GIB")
    spec = write_spec(search={"trials": 0})
    assert distillery("sweep", spec, "--out", "none", "--no-cache").code == 0
    told = distillery("cache", "list", "--json").json
    assert (told["entries"], told["bytes"], told["limit_bytes"]) == ([], 0, 10 * 2**30)
    assert distillery("sweep", spec, "--out", "first").code == 0
    told = distillery("cache", "list", "--json").json
    assert [(each["kind"], each["what"], each["dataset"]) for each in told["entries"]] == [
        ("teacher", "sage", "karate")
    ] * 2
    assert {each["seed"] for each in told["entries"]} == {0, 1}
    assert told["bytes"] == sum(each["bytes"] for each in told["entries"]) > 0
    assert "2 teachers taken from the cache" in distillery("sweep", spec, "--out", "second").err
    assert "2 entries" in distillery("cache", "list").out
    assert distillery("cache", "clean", "--json").json["removed"] == 2
    assert distillery("cache", "list", "--json").json["entries"] == []
    wrong = distillery("cache", "lst")
    assert (wrong.code, wrong.err) == (2, "distillery: cache: unknown action 'lst'; did you mean 'list'?\n")
