"""A driver killed at any moment loses at most what was in flight, and the same command goes on from there."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: A short form; the campaign of ten and more in each mode is test_campaign.py.
KILLS = 4
#: Where every trial but the first is pruned: 5 teachers, 3 searches of 3 + 3 x 2 seeds, 5 cells of 2 + 1.
FEWEST_RECORDS = 5 + 3 * (3 + 3 * 2) + 5 * (2 + 1)


@pytest.mark.parametrize(
    ("workers", "kills"),
    [
        pytest.param(0, KILLS, id="this process"),
        pytest.param(1, 2, id="one worker", marks=pytest.mark.slow),  # two are below
    ],
)
def test_one_worker_ends_with_the_records_of_an_undisturbed_run(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    disturb: Callable[..., int],
    essence_of: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    workers: int,
    kills: int,
) -> None:
    store, spec = tmp_path / "store", write_spec()
    done = disturb(lambda: launcher.sweep(spec, store, workers), store, kills, len(undisturbed), seed=7 + workers)
    assert done == kills
    last = launcher.sweep(spec, store, workers)
    assert last.wait() == 0, last.said()
    assert essence_of(store) == undisturbed
    again = launcher.sweep(spec, store)
    assert again.wait() == 0
    assert essence_of(store) == undisturbed


def test_two_workers_end_with_them_too(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    disturb: Callable[..., int],
    assert_complete: Callable[[Path], None],
    tmp_path: Path,
) -> None:
    store, spec = tmp_path / "store", write_spec()
    done = disturb(lambda: launcher.sweep(spec, store, 2), store, KILLS, FEWEST_RECORDS, seed=11)
    assert done == KILLS
    last = launcher.sweep(spec, store, 2)
    assert last.wait() == 0, last.said()
    assert_complete(store)
    assert essence_of(store) == undisturbed


def test_a_gap_that_two_workers_left_is_filled(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    assert_complete: Callable[[Path], None],
    finished: Path,
) -> None:
    """Trial 2 was under way when trial 3 was already recorded."""
    spec, store = write_spec(), finished
    path = store / "records" / "trial.jsonl"
    kept = [line for line in path.read_text().splitlines(keepends=True) if '"trial":2' not in line]
    path.write_text("".join(kept))
    for kind in ("report", "speed"):
        (store / "records" / f"{kind}.jsonl").unlink()
    driver = launcher.sweep(spec, store)
    assert driver.wait() == 0, driver.said()
    assert_complete(store)
    assert essence_of(store) == undisturbed


@pytest.mark.parametrize("bytes_left", [1, 100, -1], ids=["a byte", "a part", "all but the newline"])
def test_a_torn_last_line_is_set_aside_and_told(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    finished: Path,
    bytes_left: int,
) -> None:
    spec, store = write_spec(), finished
    path = store / "records" / "trial.jsonl"
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: start + bytes_left] if bytes_left > 0 else whole[:-1])
    driver = launcher.sweep(spec, store)
    assert driver.wait() == 0, driver.said()
    assert essence_of(store) == undisturbed
    number = whole.count(b"\n")
    if bytes_left > 0:
        assert f"trial.jsonl:{number}: torn last line of {bytes_left} bytes moved to trial.jsonl.torn" in driver.said()
        assert path.with_name("trial.jsonl.torn").read_bytes() == whole[start : start + bytes_left] + b"\n"
    else:
        assert f"trial.jsonl:{number}: whole record without a newline, completed" in driver.said()
    assert path.read_bytes().startswith(whole[:start])


@pytest.mark.parametrize("line", [b"{}\n", b"rubbish\n", b"\n"], ids=["no record", "no JSON", "empty"])
def test_a_corrupt_line_in_the_middle_stops_with_its_place(
    launcher: Any, write_spec: Callable[..., Path], undisturbed: dict[str, Any], finished: Path, line: bytes
) -> None:
    spec, store = write_spec(), finished
    path = store / "records" / "trial.jsonl"
    old = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*old[:4], line, *old[4:]]))
    before = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    driver = launcher.sweep(spec, store)
    assert driver.wait() in (1, 2)
    assert len(driver.errors()) == 1
    assert "trial.jsonl:5: " in driver.errors()[0]
    assert "Traceback" not in driver.said()
    assert {file: file.read_bytes() for file in store.rglob("*") if file.is_file()} == before


def test_a_driver_killed_before_its_store_was_one(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    finished: Path,
    tmp_path: Path,
) -> None:
    """store.json comes last; everything before it may be left behind."""
    store = tmp_path / "store"
    (store / "records").mkdir(parents=True)
    for name in ("spec.yaml", "environment.json"):
        shutil.copy(finished / name, store)
    (store / ".store.json-abc").write_text("{")
    driver = launcher.sweep(write_spec(), store)
    assert driver.wait() == 0, driver.said()
    assert essence_of(store) == undisturbed


def test_a_teacher_that_was_lost_is_trained_again_and_is_the_same(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Callable[[Path], dict[str, Any]],
    finished: Path,
    tmp_path: Path,
) -> None:
    store = finished
    folders = sorted(path for path in (store / "teachers").iterdir() if path.is_dir())
    before = {path: (path / "teacher.safetensors").read_bytes() for path in folders}
    for path in folders:
        shutil.rmtree(path)
    for kind in ("trial", "report", "speed"):
        (store / "records" / f"{kind}.jsonl").unlink()
    driver = launcher.sweep(write_spec(), store)
    assert driver.wait() == 0, driver.said()
    assert essence_of(store) == undisturbed
    assert {path: (path / "teacher.safetensors").read_bytes() for path in folders} == before


@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_keeps_what_was_finished(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    wait_for_lines: Callable[..., None],
    assert_complete: Callable[[Path], None],
    essence_of: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    workers: int,
) -> None:
    store, spec = tmp_path / "store", write_spec()
    driver = launcher.sweep(spec, store, workers)
    wait_for_lines(driver, store, 9)
    os.killpg(driver.pid, signal.SIGINT)  # a terminal signals the workers too
    assert driver.wait(20) == 130, driver.said()
    driver.assert_alone()
    assert "Traceback" not in driver.said()
    assert len(driver.errors()) == 1
    kept = essence_of(store)
    assert len(kept) >= 9
    last = launcher.sweep(spec, store, workers)
    assert last.wait() == 0, last.said()
    assert_complete(store)
    assert kept.items() <= essence_of(store).items()
    assert essence_of(store) == undisturbed
