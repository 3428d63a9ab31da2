"""What a store refuses, and what it survives: full and read-only disks, other drivers, other specs, hostile ids."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Essence = Callable[[Path], dict[str, Any]]


def one_error(driver: Any, code: int, *says: str) -> str:
    """The one line with which a command ended."""
    assert driver.wait() == code, driver.said()
    assert "Traceback" not in driver.said()
    assert len(driver.errors()) == 1, driver.said()
    line: str = driver.errors()[0]
    for text in says:
        assert text in line
    return line


def content(store: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file() and path.name != ".lock"}


# -- disks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "where"), [(40_000, "teacher"), (24_000, "trial.jsonl")], ids=["teacher", "records"])
def test_a_file_that_may_not_grow(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    finished: Path,
    essence_of: Essence,
    tmp_path: Path,
    limit: int,
    where: str,
) -> None:
    store, spec = tmp_path / "store", write_spec()
    if where == "trial.jsonl":  # the teachers are there, so that the records are the first to fail
        shutil.copytree(finished, store)
        for kind in ("trial", "report", "speed"):
            (store / "records" / f"{kind}.jsonl").unlink()
    driver = launcher.sweep(spec, store, limits={"RLIMIT_FSIZE": limit})
    one_error(driver, 1, where, "File too large")
    kept = essence_of(store)
    assert kept
    assert kept.items() <= undisturbed.items()
    assert not list(store.rglob("*.torn"))
    assert not [path for path in (store / "teachers").iterdir() if path.name.startswith(".") and path.is_dir()]
    last = launcher.sweep(spec, store)
    assert last.wait() == 0, last.said()
    assert essence_of(store) == undisturbed


@pytest.mark.parametrize("size", ["100k", "460k"], ids=["before the first teacher", "later"])
def test_a_full_disk(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    essence_of: Essence,
    mounted: Callable[..., Path],
    size: str,
) -> None:
    store, spec = mounted(f"size={size}") / "store", write_spec()
    one_error(launcher.sweep(spec, store), 1, "No space left on device", str(store))
    kept = essence_of(store)
    assert kept.items() <= undisturbed.items()
    mounted("size=8m")
    last = launcher.sweep(spec, store)
    assert last.wait() == 0, last.said()
    assert essence_of(store) == undisturbed


def test_a_disk_too_full_for_a_store(
    launcher: Any, write_spec: Callable[..., Path], mounted: Callable[..., Path]
) -> None:
    place = mounted("size=8k,nr_inodes=20")
    (place / "filler").write_bytes(b"x" * 8192)
    driver = launcher.sweep(write_spec(), place / "store")
    one_error(driver, driver.wait(), "cannot be written: No space left on device")
    assert driver.wait() in (1, 2)
    (place / "filler").unlink()
    mounted("size=8m,nr_inodes=1000")
    again = launcher.sweep(write_spec(), place / "store")
    assert again.wait() == 0, again.said()


@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun"])
def test_a_read_only_disk(
    launcher: Any,
    write_spec: Callable[..., Path],
    finished: Path,
    undisturbed: dict[str, Any],
    essence_of: Essence,
    mounted: Callable[..., Path],
    begun: bool,
) -> None:
    store, spec = mounted("size=8m") / "store", write_spec()
    if begun:
        shutil.copytree(finished, store)
        (store / "records" / "report.jsonl").unlink()
    before = content(store)
    mounted("ro")
    one_error(launcher.sweep(spec, store), 2, str(store), "cannot be written", "Read-only file system")
    assert content(store) == before
    mounted("rw")
    last = launcher.sweep(spec, store)
    assert last.wait() == 0, last.said()
    assert essence_of(store) == undisturbed


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the read-only disk stands in for it")
def test_a_folder_without_permission(launcher: Any, write_spec: Callable[..., Path], finished: Path) -> None:
    finished.chmod(0o500)
    try:
        one_error(launcher.sweep(write_spec(), finished), 2, "cannot be written")
    finally:
        finished.chmod(0o700)


# -- others --------------------------------------------------------------------------------------------------------


def test_a_second_driver_is_turned_away_and_the_first_is_undisturbed(
    launcher: Any,
    write_spec: Callable[..., Path],
    undisturbed: dict[str, Any],
    wait_for_lines: Callable[..., None],
    essence_of: Essence,
    tmp_path: Path,
) -> None:
    store, spec = tmp_path / "store", write_spec()
    first = launcher.sweep(spec, store)
    wait_for_lines(first, store, 1)
    os.kill(first.pid, signal.SIGSTOP)  # so that it does not end before the others come
    others = [launcher.sweep(spec, store, workers) for workers in (0, 2)]
    for other in others:
        one_error(other, 2, str(store), "another driver is at work on this store")
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0, first.said()
    assert essence_of(store) == undisturbed


def test_a_store_keeps_to_its_spec(launcher: Any, write_spec: Callable[..., Path], finished: Path) -> None:
    before = content(finished)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"methods": ["glnn", {"name": "kd", "fix": {"tau": 2.0}}]}, "methods: "),
        ({"split": "cpf"}, "split: "),
        ({"search": {"trials": 3, "seeds": [100, 101, 102]}}, "search.trials: "),
    ]
    for change, field in changes:
        driver = launcher.sweep(write_spec("other.yaml", **change), finished)
        one_error(driver, 2, field, "choose another store")
    assert content(finished) == before
    renamed = launcher.sweep(write_spec("other.yaml", name="other", resources={"time_limit_s": 60}), finished)
    assert renamed.wait() == 0, renamed.said()


def test_what_is_no_store_is_left_alone(launcher: Any, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "trial.jsonl").write_text("mine\n")
    file.write_text("mine\n")
    one_error(launcher.sweep(write_spec(), folder), 2, "is no store; choose an empty folder")
    one_error(launcher.sweep(write_spec(), file), 2, "is a file")
    assert content(folder) == {folder / "records" / "trial.jsonl": b"mine\n"}
    assert file.read_text() == "mine\n"


@pytest.mark.parametrize("value", ["../../x", "/etc", "", "0" * 15, "0" * 17, 7, None, "0123456789ABCDEF"])
@pytest.mark.parametrize("field", ["store_id", "plan_id"])
def test_a_store_id_is_16_hex_digits(
    launcher: Any, write_spec: Callable[..., Path], finished: Path, field: str, value: Any
) -> None:
    facts = json.loads((finished / "store.json").read_text())
    (finished / "store.json").write_text(json.dumps({**facts, field: value}))
    one_error(launcher.sweep(write_spec(), finished), 2, "store.json", field)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"store_id": 1', '{"more": 1}'])
def test_damaged_facts_are_told(launcher: Any, write_spec: Callable[..., Path], finished: Path, text: str) -> None:
    (finished / "store.json").write_text(text)
    one_error(launcher.sweep(write_spec(), finished), 2, "store.json")


@pytest.mark.parametrize(
    ("place", "value"),
    [("id", "../../x"), ("store_id", "../x"), ("cell.id", "../x"), ("cell.teacher_id", "a/b"), ("kind", "../x")],
)
def test_a_record_whose_id_leads_out_of_the_store(
    launcher: Any, write_spec: Callable[..., Path], finished: Path, place: str, value: str
) -> None:
    path = finished / "records" / "report.jsonl"
    old = path.read_text().splitlines()
    record = json.loads(old[2])
    inner, _, name = place.rpartition(".")
    (record[inner] if inner else record)[name] = value
    path.write_text("\n".join([*old[:2], json.dumps(record), *old[3:]]) + "\n")
    driver = launcher.sweep(write_spec(), finished)
    one_error(driver, driver.wait(), "report.jsonl:3: ", place)
    assert driver.wait() in (1, 2)


def test_a_link_is_not_followed(launcher: Any, write_spec: Callable[..., Path], finished: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    shutil.move(finished / "records" / "report.jsonl", outside)
    (finished / "records" / "report.jsonl").symlink_to(outside)
    before = outside.read_bytes()
    driver = launcher.sweep(write_spec(), finished)
    one_error(driver, driver.wait(), "symbolic link")
    assert outside.read_bytes() == before


def test_a_spec_that_is_wrong_writes_nothing(launcher: Any, write_spec: Callable[..., Path], tmp_path: Path) -> None:
    store = tmp_path / "store"
    student = {"model": "mlp", "hidden": 32, "layers": 2}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"methods": ["glnm"]}, "'glnn'"),
        ({"students": [{**student, "epochs": -5}]}, "epochs"),
        ({"students": [{**student, "lr": 0.0}]}, "lr"),
        ({"students": [{**student, "hidden": -1}]}, "hidden"),
        ({"teachers": [{"model": "sage", "hidden": -1}]}, "hidden"),
        ({"methods": [{"name": "glnn", "fix": {"temperature": -1}}]}, "temperature"),
    ]
    for fields, says in wrong:
        spec = write_spec(**fields)
        one_error(launcher.sweep(spec, store), 2, says)
        assert not store.exists()
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text("a: &a [x]\nb: [*a, *a]\n" + yaml.safe_dump({"name": "x"}))
    one_error(launcher.sweep(bomb, store), 2, "anchors")
    one_error(launcher.start("sweep", tmp_path / "absent.yaml", "--out", store), 2, "no such file")
    one_error(launcher.start("sweep", write_spec(), "--out", store, "--workers", "-1"), 2, "--workers")
    one_error(launcher.start("sweep", write_spec(), "--out", store, "--executor", "locl"), 2, "'local'")
    one_error(launcher.start("sweep", write_spec(), "--out", store, "--device", "cude"), 2, "--device", "cuda")
    assert not store.exists()
