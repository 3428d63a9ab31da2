"""An index may be absent, old, torn, another's or wrong: what is read of a store is what its records say."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.records import Record, RecordError, RecordWriter, read_records
from graph_distillery.bench.records import index as index_module
from graph_distillery.bench.records.index import INDEX, read_all

REPORT: dict[str, Any] = {
    "kind": "report",
    "search.selection": "tuned",
    "metrics.test": {"accuracy": 0.7},
    "seen_in_tuning": 0.5,
}
UNUSUAL: list[dict[str, Any]] = [
    {"hparams": {"method.alpha": 1, "student.lr": 0.1}},
    {"hparams": {"method.alpha": 1.0, "student.lr": 0.1}},
    {"hparams": {"student.lr": 0.1, "method.alpha": True, "x": None, "y": "é"}},
    {"metrics": {"val": {"accuracy": 0.1 + 0.2, "nll": 1e-300}}},
    {"curve": [[1, 0.5], [4, 0.75]]},
    {"init_seed": 7, "teacher_seed": 3},
    {"status": "nan", "error": "loss is nan\nin epoch 3", "metrics": {"val": {}}},
    {"status": "pruned"},
    {"collapsed": "one-class"},
    {"engine": 3, "git_sha": "abc"},
    {"kind": "teacher", "search": None},
    REPORT,
    {"kind": "speed", "search.selection": "tuned", "status": "failed", "error": "no time"},
]


@pytest.fixture
def of_json(raw: Callable[..., Any]) -> Callable[..., Record]:
    """As a record is read."""
    return lambda name, **changes: Record.model_validate_json(json.dumps(raw(name, **changes)))


@pytest.fixture
def store(tmp_path: Path, of_json: Callable[..., Record], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of every kind, one of them in the place of another, with an index."""
    monkeypatch.setattr(index_module, "WORTH", 1)
    place = tmp_path / "store"
    with RecordWriter(place) as writer:
        for number, changes in enumerate(UNUSUAL):
            writer.append(of_json(f"{number}", **changes))
        writer.append(of_json("again", supersedes=[of_json("0").id]))
    remember(place)
    return place


def remember(store: Path) -> None:
    _, reading = read_all(store)
    assert reading is not None
    reading.keep()
    reading.close()


def essence(store: Path) -> Any:
    """What is read by the index, which must be what is read of the records."""
    by_index, reading = read_all(store)
    assert reading is not None
    reading.close()
    truth = read_records(store)
    assert by_index.records == truth.records
    for one, other in zip(by_index.records, truth.records, strict=True):
        assert one.to_json() == other.to_json()
        assert list(one.__dict__) == list(other.__dict__)
        for part in ("cell", "search", "metrics", "timings", "environment"):
            mine, theirs = getattr(one, part), getattr(other, part)
            assert repr(mine) == repr(theirs)
            assert mine is None or mine.model_fields_set == theirs.model_fields_set
        assert one.model_fields_set == other.model_fields_set
        assert repr(one.hparams) == repr(other.hparams), "1 is not 1.0, nor true"
    assert (by_index.superseded, by_index.warnings) == (truth.superseded, truth.warnings)
    return [record.id for record in by_index.records]


def indexed(store: Path) -> int:
    _, reading = read_all(store)
    assert reading is not None
    reading.close()
    return reading.indexed


def test_records_come_back_from_an_index_as_from_their_lines(store: Path, of_json: Callable[..., Record]) -> None:
    assert indexed(store) == len(UNUSUAL) + 1
    ids = essence(store)
    with RecordWriter(store) as writer:
        writer.append(of_json("new"))
        writer.append(of_json("newer", supersedes=[of_json("10").id], **REPORT))
    assert indexed(store) == len(UNUSUAL) + 1, "it is not written by readers of a line or two"
    assert len(essence(store)) == len(ids) + 1
    remember(store)
    assert indexed(store) == len(UNUSUAL) + 3
    essence(store)
    one, other = (read_all(store)[0].records[0] for _ in range(2))
    assert one.model_copy(update={"seed": 5}).model_fields_set == {*other.model_fields_set, "seed"}


def _edited_score(store: Path) -> None:
    path = store / "records" / "trial.jsonl"
    path.write_bytes(path.read_bytes().replace(b"0.30000000000000004", b"0.30000000000000008"))


def _line_gone(store: Path) -> None:
    path = store / "records" / "trial.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))


def _kind_gone(store: Path) -> None:
    (store / "records" / "report.jsonl").unlink()


def _cut(store: Path) -> None:
    path = store / INDEX
    path.write_bytes(path.read_bytes()[:-1000])


def _no_sqlite(store: Path) -> None:
    content = b"no such file"
    (store / INDEX).write_bytes(content + hashlib.sha256(content).digest())


def _a_bit(store: Path) -> None:
    path = store / INDEX
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _empty(store: Path) -> None:
    (store / INDEX).write_bytes(b"")


def _folder(store: Path) -> None:
    (store / INDEX).unlink()
    (store / INDEX).mkdir()


def _link(store: Path) -> None:
    shutil.move(store / INDEX, store.parent / "elsewhere")
    (store / INDEX).symlink_to(store.parent / "elsewhere")


def _other_code(store: Path) -> None:
    path = store / INDEX
    with_digest = path.read_bytes()
    connection = sqlite3.connect(":memory:")
    connection.deserialize(with_digest[:-32])
    connection.execute("update about set value = 'another' where name = 'code'")
    connection.execute("update record set status = 'pruned'")
    connection.commit()
    content = connection.serialize()
    path.write_bytes(content + hashlib.sha256(content).digest())


def _gone(store: Path) -> None:
    (store / INDEX).unlink()


@pytest.mark.parametrize(
    "harm",
    [_edited_score, _line_gone, _kind_gone, _cut, _no_sqlite, _a_bit, _empty, _folder, _link, _other_code, _gone],
)
def test_an_index_that_does_not_hold_changes_nothing(harm: Callable[[Path], None], store: Path) -> None:
    harm(store)
    assert indexed(store) == 0
    ids = essence(store)
    remember(store)  # which a place that takes no file refuses without a word
    assert essence(store) == ids


def test_an_index_of_another_store_is_none_of_this_one(
    store: Path, tmp_path: Path, of_json: Callable[..., Record]
) -> None:
    other = tmp_path / "other"
    with RecordWriter(other) as writer:
        writer.append(of_json("x"))
    shutil.copy(store / INDEX, other / INDEX)
    assert indexed(other) == 0
    assert len(essence(other)) == 1


def test_a_torn_line_is_left_out_and_told_with_its_place(store: Path) -> None:
    path = store / "records" / "trial.jsonl"
    with path.open("ab") as file:
        file.write(b'{"schema": 1, "ki')
    essence(store)
    (warning,) = read_all(store)[0].warnings
    assert f"trial.jsonl:{path.read_bytes().count(10) + 1}: torn last line" in warning
    remember(store)
    essence(store)


def test_an_error_after_what_is_indexed_names_its_place(store: Path, of_json: Callable[..., Record]) -> None:
    path = store / "records" / "trial.jsonl"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b"{}\n" + of_json("last").to_json().encode() + b"\n")
    with pytest.raises(RecordError, match=f"trial.jsonl:{whole.count(10) + 1}: "):
        read_all(store)
    path.write_bytes(whole + whole.splitlines(keepends=True)[0])
    with pytest.raises(RecordError, match=r"is already at .*trial\.jsonl:1"):
        read_all(store)


def test_a_small_store_has_no_index(tmp_path: Path, of_json: Callable[..., Record]) -> None:
    with RecordWriter(tmp_path) as writer:
        writer.append(of_json("a"))
    remember(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["records"]
    assert json.loads((tmp_path / "records" / "trial.jsonl").read_text())["kind"] == "trial"
