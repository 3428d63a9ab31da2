"""A packed store is small, and says what the store says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from graph_distillery.bench.cli.entry import main
from graph_distillery.bench.perf.references.board_store import write_board_store
from graph_distillery.bench.records import RecordError, RecordWriter, read_records
from graph_distillery.bench.records.packing import compress, pack_predictions, unpack_predictions
from graph_distillery.bench.records.predictions import PredictedPart, Predictions, read_predictions, write_predictions

CLASSES, ACCURACY = 7, 0.8


def with_predictions(store: Path, items: int, share: float = 1.0) -> int:
    """Give report records, each with as many mistakes of its own as none shares; how many have them."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, CLASSES, items)
    path = store / "records" / "report.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines[: int(share * len(lines))]:
        wrong = rng.random(items) > ACCURACY
        labels = np.where(wrong, (truth + rng.integers(1, CLASSES, items)) % CLASSES, truth)[None]
        told = Predictions({"all": PredictedPart(np.arange(items) + 500, labels, right=labels == truth)})
        line["predictions_sha256"] = write_predictions(store, told.to_bytes(CLASSES))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    facts = {"store_id": "5e7b3d882238a2b1", "plan_id": "5e7b3d882238a2b1", "suite_version": "0.1.0", "data_dir": None}
    (store / "store.json").write_text(json.dumps(facts))
    return int(share * len(lines))


def test_a_packed_store_gives_back_every_record_and_prediction(tmp_path: Path) -> None:
    store, small = tmp_path / "store", tmp_path / "small"
    write_board_store(store, 150)
    assert with_predictions(store, 500, 0.05)
    assert main(["pack", str(store), "--out", str(small)]) == 0
    assert read_records(small).records == read_records(store).records
    for record in read_records(store, kinds=["report"]).records:
        if record.predictions_sha256 is not None:
            one, other = (read_predictions(each, record.predictions_sha256).parts["all"] for each in (store, small))
            assert np.array_equal(one.items, other.items)
            assert one.labels is not None
            assert other.labels is not None
            assert np.array_equal(one.labels, other.labels)
    assert main(["pack", str(store), "--out", str(tmp_path / "not" / "there yet")]) == 0
    with RecordWriter(small) as writer, pytest.raises(RecordError, match="is already in the store"):
        writer.append(read_records(store).records[0])
    new = read_records(store).records[0].model_copy(update={"id": "0" * 16})
    with RecordWriter(small) as writer, pytest.raises(RecordError, match="the store is packed"):
        writer.append(new)


def test_what_cannot_be_packed_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, small = tmp_path / "store", tmp_path / "small"
    write_board_store(store, 150)
    with_predictions(store, 500, 0.01)
    assert main(["pack", str(tmp_path / "none")]) == 2
    assert main(["pack", str(store), "--out", str(store / "records")]) == 2
    next((store / "predictions").iterdir()).write_bytes(b"another")
    assert main(["pack", str(store), "--out", str(small)]) == 2
    assert "is not the file that was written" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


@pytest.mark.parametrize("content", [b"", b"not xz", compress(b"[[9, [1]]]\nabc"), compress(b"{}\n")[:-3]])
def test_what_is_no_packed_file_is_one_line(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"^here: cannot be unpacked"):
        unpack_predictions(content, "here")


def test_groups_of_any_size_come_back_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    files = {}
    for items, runs in ((5, 1), (900, 2), (901, 7)):
        for _ in range(runs):
            labels = rng.integers(0, 300, (1, items))
            content = Predictions({"all": PredictedPart(np.arange(items), labels, right=labels > 9)}).to_bytes(300)
            files[hashlib.sha256(content).hexdigest()] = content
    assert unpack_predictions(pack_predictions(files), "here") == files


@pytest.mark.slow
def test_ten_thousand_records_with_predictions_of_twenty_thousand_items_fit_a_repository(tmp_path: Path) -> None:
    """Every run errs on a fifth of the items by itself, which leaves less to be saved than real runs do (2.7 MB)."""
    store, small = tmp_path / "store", tmp_path / "small"
    write_board_store(store, 10_000)
    with_predictions(store, 20_000)
    assert main(["pack", str(store), "--out", str(small)]) == 0
    assert sum(path.stat().st_size for path in small.rglob("*") if path.is_file()) < 15e6
