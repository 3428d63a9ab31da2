"""Crashes, full disks and tampering: no whole record is lost, no half record is read."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

import graph_distillery.bench.records
from graph_distillery.bench.records import RecordError, RecordWriter, read_records, repair

ROOT = Path(graph_distillery.bench.records.__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path, make_record):
    """A store with three trials."""
    with RecordWriter(tmp_path / "store") as writer:
        for name in "abc":
            writer.append(make_record(name))
    return tmp_path / "store"


def trials(store: Path) -> Path:
    return store / "records" / "trial.jsonl"


def test_appended_records_come_back_in_order(store, make_record):
    assert read_records(store).records == [make_record(name) for name in "abc"]
    assert [place.rsplit(":", 1)[1] for place in read_records(store).places] == ["1", "2", "3"]
    assert read_records(store, kinds=["report"]).records == []


def test_unicode_line_separators_do_not_split_a_record(tmp_path, make_record):
    odd = make_record("odd", hparams={"note": "a\u2028b\x85c\nd"})
    with RecordWriter(tmp_path) as writer:
        writer.append(odd)
        writer.append(make_record("next"))
    assert read_records(tmp_path).records[0] == odd


def test_one_write_and_one_fsync_per_record(store, make_record, monkeypatch):
    calls = []
    write, fsync = os.write, os.fsync
    with RecordWriter(store) as writer:
        writer.append(make_record("d"))
        monkeypatch.setattr(os, "write", lambda fd, data: calls.append("write") or write(fd, data))
        monkeypatch.setattr(os, "fsync", lambda fd: calls.append("fsync") or fsync(fd))
        writer.append(make_record("e"))
    assert calls == ["write", "fsync"]


def test_an_id_is_written_once_even_by_a_later_writer_or_as_another_kind(store, make_record):
    with RecordWriter(store) as writer:
        with pytest.raises(RecordError, match="already in the store"):
            writer.append(make_record("a"))
        with pytest.raises(RecordError, match="already in the store"):
            writer.append(make_record("a", kind="teacher"))
        writer.append(make_record("d"))
        with pytest.raises(RecordError, match="already in the store"):
            writer.append(make_record("d"))


def test_torn_at_every_byte(store, make_record):
    whole = trials(store).read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    expected = [make_record(name) for name in "abc"]
    torn_file = trials(store).with_name("trial.jsonl.torn")
    for cut in range(start, len(whole)):
        trials(store).write_bytes(whole[:cut])
        torn_file.unlink(missing_ok=True)
        complete = cut == len(whole) - 1  # only the newline is missing
        result = read_records(store)
        assert result.records == expected[: 3 if complete else 2]
        assert bool(result.warnings) == (start < cut and not complete)
        messages = repair(store)
        assert len(messages) == (cut > start)
        if complete:
            assert trials(store).read_bytes() == whole
        else:
            assert trials(store).read_bytes() == whole[:start]
            assert not messages or f"{trials(store)}:3: torn last line of {cut - start} bytes" in messages[0]
            assert not messages or torn_file.read_bytes() == whole[start:cut] + b"\n"
        assert repair(store) == []
    with RecordWriter(store) as writer:
        if not complete:
            writer.append(make_record("c"))
    assert read_records(store).records == expected


def test_zeros_left_by_a_power_cut_are_a_torn_tail(store):
    with trials(store).open("ab") as file:
        file.write(b"\0" * 40 + b"\n")
    assert len(read_records(store).records) == 3
    assert "torn last line of 41 bytes" in repair(store)[0]
    assert read_records(store).warnings == []


def test_a_writer_does_not_glue_onto_a_torn_tail(store, make_record):
    with trials(store).open("ab") as file:
        file.write(b'{"schema":1,')
    with (
        pytest.raises(RecordError, match=r"trial.jsonl:4: .*run repair first"),
        RecordWriter(store) as writer,
    ):
        writer.append(make_record("d"))
    with pytest.raises(RecordError, match="run repair first"):
        read_records(store, tolerate_torn_tail=False)


@pytest.mark.parametrize("bad", [b"{}", b"", b"\xff\xfe", b"nonsense"])
def test_a_bad_line_in_the_middle_is_named_and_never_touched(store, bad):
    lines = trials(store).read_bytes().splitlines(keepends=True)
    trials(store).write_bytes(lines[0] + bad + b"\n" + lines[1])
    before = trials(store).read_bytes()
    with pytest.raises(RecordError, match=r"trial\.jsonl:2: ") as caught:
        read_records(store)
    assert "\n" not in str(caught.value)
    assert repair(store) == []
    assert trials(store).read_bytes() == before


def test_duplicate_ids_name_both_lines(store):
    line = trials(store).read_bytes().splitlines(keepends=True)[0]
    with trials(store).open("ab") as file:
        file.write(line)
    with pytest.raises(RecordError, match=r"trial\.jsonl:4: id \w+ is already at .*trial\.jsonl:1"):
        read_records(store)


def test_a_record_in_the_wrong_file_is_refused(store):
    trials(store).rename(trials(store).with_name("teacher.jsonl"))
    with pytest.raises(RecordError, match=r"teacher\.jsonl:1: a trial record in the file of teacher records"):
        read_records(store)


def test_links_out_of_the_store_are_refused(store, tmp_path, make_record):
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(b"")
    trials(store).unlink()
    trials(store).symlink_to(outside)
    for action in (lambda: read_records(store), lambda: repair(store)):
        with pytest.raises(RecordError, match="symbolic link"):
            action()
    trials(store).unlink()
    writer = RecordWriter(store)
    writer.append(make_record("a"))
    writer.close()
    trials(store).unlink()
    trials(store).symlink_to(outside)
    with pytest.raises(RecordError, match="symbolic link"):
        writer.append(make_record("b"))
    assert outside.read_bytes() == b""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "records").symlink_to(store / "records")
    with pytest.raises(RecordError, match="symbolic link"):
        read_records(tmp_path / "other")


def test_not_a_store(tmp_path):
    with pytest.raises(RecordError, match="not a store"):
        read_records(tmp_path)
    trials(tmp_path).mkdir(parents=True)
    with pytest.raises(RecordError, match="cannot read: Is a directory"):
        read_records(tmp_path)
    trials(tmp_path).rmdir()
    os.mkfifo(trials(tmp_path))
    with pytest.raises(RecordError, match="not a regular file"):
        read_records(tmp_path)


FILL = """
import sys
from pathlib import Path
from graph_distillery.bench.records import RecordError, RecordWriter, parse_record
line = sys.stdin.read()
store, written = Path(sys.argv[1]), 0
with RecordWriter(store) as writer:
    try:
        for number in range(100000):
            writer.append(parse_record(line.replace("ID", f"{number:032x}")))
            written += 1
    except RecordError as error:
        print(written, str(error).count(chr(10)), "nothing was written" in str(error))
"""


def fill(store: Path, line: dict, **options) -> list[str]:
    text = json.dumps(line | {"id": "ID"})
    command = [sys.executable, "-c", FILL, str(store)]
    return subprocess.check_output(command, input=text, text=True, cwd=ROOT, **options).split()


def check_after_full_disk(store: Path, answer: list[str]) -> None:
    """The disk filled in the middle of a line: one clear line, and only whole lines remain."""
    assert answer[1:] == ["0", "True"]
    assert int(answer[0]) > 3
    result = read_records(store, tolerate_torn_tail=False)
    assert len(result.records) == int(answer[0])


def test_file_size_limit_leaves_no_half_line(tmp_path, raw):
    limit = 10_001
    answer = fill(tmp_path, raw(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    check_after_full_disk(tmp_path, answer)


def test_full_disk_leaves_no_half_line(tmp_path, raw):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        check_after_full_disk(disk, fill(disk, raw()))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_append_that_fails_can_be_tried_again(store, make_record, monkeypatch):
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 700:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) - 600])

    before = trials(store).read_bytes()
    with RecordWriter(store) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(RecordError, match="No space left on device; nothing was written"):
                writer.append(make_record("d"))
        assert trials(store).read_bytes() == before
        writer.append(make_record("d"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            patch.setattr(os, "ftruncate", lambda descriptor, length: half(descriptor, b""))
            with pytest.raises(RecordError, match="cutting the half line off failed too"):
                writer.append(make_record("e"))
    assert len(repair(store)) == 1
    assert len(read_records(store).records) == 4


def test_a_second_writer_is_noticed(store, make_record):
    with RecordWriter(store) as first, RecordWriter(store) as second:
        first.append(make_record("d"))
        second.append(make_record("e"))
        with pytest.raises(RecordError, match="another process writes to this store"):
            first.append(make_record("f"))
    assert len(read_records(store).records) == 5


def test_read_only_store(tmp_path, make_record):
    """A read-only mount where one can be made (root passes mode bits), else mode bits."""
    store = tmp_path / "ro"
    with RecordWriter(store) as writer:
        writer.append(make_record("a"))
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(store / "records")]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    if os.geteuid() == 0 and not mounted:
        pytest.skip("root passes mode bits and may not mount here")
    (store / "records").chmod(0o555) if not mounted else None
    try:
        with RecordWriter(store) as writer, pytest.raises(RecordError, match="cannot open for writing: "):
            writer.append(make_record("b", kind="teacher"))
    finally:
        if mounted:
            subprocess.run(["umount", str(store / "records")], check=True)
        else:
            (store / "records").chmod(0o755)


def test_sigkill_at_any_moment_loses_no_acknowledged_record(tmp_path, raw):
    code = FILL.replace("written += 1", "print(number, flush=True)")
    for delay in (0.0, 0.003, 0.011):
        store = tmp_path / f"s{delay}"
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        child.stdin.write(json.dumps(raw() | {"id": "ID"}))
        child.stdin.close()
        child.stdout.readline()
        time.sleep(delay)
        child.kill()
        acknowledged = 1 + child.stdout.read().count("\n")
        child.wait()
        repair(store)
        assert len(read_records(store, tolerate_torn_tail=False).records) >= acknowledged


@pytest.mark.parametrize("kind", ["trial", "report"])
def test_a_byte_order_mark_is_named(store, kind):
    path = store / "records" / f"{kind}.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + trials(store).read_bytes())
    with pytest.raises(RecordError, match=rf"{kind}\.jsonl:1: begins with a byte order mark"):
        read_records(store)
