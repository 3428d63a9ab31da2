"""The schema refuses what cannot be true, in one line, and reads every old record."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graph_distillery.bench.records
from graph_distillery.bench.records import Record, RecordError, json_schema, parse_record
from graph_distillery.bench.records.schema import json_schema_text

FIXTURE = Path(__file__).parent / "fixtures" / "v1.jsonl"
LATENCY = {"p50": 1.0, "p95": 2.0}
SPEED = {"full_forward_ms": LATENCY, "params": 1, "macs": 1, "peak_memory_mb": 1.0, "repeats": 3}
REPORT = {"kind": "report", "search.selection": "tuned", "metrics.test": {"accuracy": 0.79}}


def test_committed_json_schema_is_fresh():
    committed = Path(graph_distillery.bench.records.__file__).with_name("record.schema.json")
    assert committed.read_text() == json_schema_text(), (
        "stale: write graph_distillery.bench.records.schema.json_schema_text() to bench/records/record.schema.json"
    )


def test_old_records_are_read_and_kept_exactly():
    lines = FIXTURE.read_text().splitlines()
    validator = jsonschema.Draft202012Validator(json_schema())
    assert {json.loads(line)["kind"] for line in lines} == {"teacher", "trial", "report", "speed"}
    for line in lines:
        validator.validate(json.loads(line))
        assert json.loads(parse_record(line).to_json()) == json.loads(line)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)))
def test_hyperparameters_keep_their_type(hparams):
    hparams = {k: v for k, v in hparams.items() if not (isinstance(v, float) and math.isinf(v))}
    data = json.loads(FIXTURE.read_text().splitlines()[1]) | {"hparams": hparams}
    back = parse_record(Record.model_validate(data).to_json()).hparams
    assert back == hparams
    assert {k: type(v) for k, v in back.items()} == {k: type(v) for k, v in hparams.items()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema: this suite reads version 1, not 2"),
        ({"sed": 3}, "sed: unknown field; did you mean 'seed'?"),
        ({"cell.datset": "x"}, "cell.datset: unknown field; did you mean 'dataset'?"),
        ({"search.tirals": 1}, "search.tirals: unknown field; did you mean 'trials'?"),
        ({"id": "../../etc"}, "id: "),
        ({"seed": -1}, "seed: "),
        ({"seed": "1"}, "seed: "),
        ({"created": "2026-11-20T12:00:00"}, "created: "),
        ({"created": "2026-02-30T12:00:00Z"}, "created: "),
        ({"metrics.val": {"accuracy": math.nan}}, "metrics.val.accuracy: "),
        ({"metrics.val": {"accuracy": 82.0}}, "metrics.val.accuracy: 82.0 is not a fraction"),
        ({"metrics.val": {"micro_f1": 0.8}}, "metrics.val: a trial record with status ok needs 'accuracy'"),
        (
            {"metrics.test": {"accuracy": 0.8}},
            "metrics.test: only report records read the test set, not trial",
        ),
        ({"error": "boom"}, "error: a record with status ok has no error"),
        ({"status": "failed"}, "error: status failed needs an error text"),
        ({"status": "timeout", "error": "  "}, "error: status timeout needs an error text"),
        ({"status": "nan", "error": "nan"}, "metrics.val: must be empty when status is nan"),
        ({"search.selection": "tuned"}, "search.selection: a trial record has none"),
        (REPORT | {"speed": SPEED}, "speed: only speed and trial records carry it, not report"),
        (REPORT | {"curve": [[3, 0.5]]}, "curve: only trials report on the way, not report"),
        ({"curve": [[3, 0.5], [3, 0.6]]}, "curve: epochs must rise"),
        ({"kind": "speed"}, "speed: a speed record with status ok needs it"),
        (REPORT | {"search.selection": None}, "search.selection: a report says default, tuned or both"),
        (
            REPORT | {"metrics.test": None},
            "metrics.test: an ok report of setting transductive needs accuracy",
        ),
        (
            REPORT | {"status": "oom", "error": "oom"},
            "metrics.test: a report with status oom has no test score",
        ),
        (REPORT | {"status": "pruned"}, "status: only trial and teacher records are pruned"),
        (
            REPORT | {"cell.setting": "inductive"},
            "metrics.test: an ok report of setting inductive needs prod, tran, ind",
        ),
        (
            REPORT
            | {
                "cell.setting": "inductive",
                "metrics.test": {"accuracy": 0.7, "prod": 0.8, "tran": 0.8, "ind": 0.8},
            },
            "metrics.test: accuracy must equal prod",
        ),
        (
            {"kind": "speed", "speed": SPEED | {"full_forward_ms": {"p50": 2.0, "p95": 1.0}}},
            "speed.full_forward_ms: p95 1.0 is below p50 2.0",
        ),
    ],
)
def test_what_cannot_be_true_is_refused_in_one_line(raw, changes, message):
    with pytest.raises(RecordError) as caught:
        parse_record(json.dumps(raw(**changes)), "trial.jsonl:7")
    assert str(caught.value).startswith(f"trial.jsonl:7: {message}")
    assert "\n" not in str(caught.value)


def test_records_are_frozen(make_record):
    with pytest.raises(ValueError, match="frozen"):
        make_record().seed = 1


def test_import_is_light():
    code = "import sys, graph_distillery.bench.records; print({'torch', 'ray', 'pandas', 'numpy'} & set(sys.modules))"
    root = Path(graph_distillery.bench.records.__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == "set()"


def test_the_split_is_kept_and_where_there_is_none_no_field(raw):
    assert (
        not {"split_sha256", "test_sha256", "items"}
        & json.loads(parse_record(json.dumps(raw())).to_json())["cell"].keys()
    )
    told = {
        "cell.split_sha256": "5" * 64,
        "cell.test_sha256": "6" * 64,
        "cell.items": {"train": 3, "val": 1, "test": 1},
    }
    line = json.dumps(raw(**told))
    assert json.loads(parse_record(line).to_json()) == json.loads(line)
    with pytest.raises(RecordError, match=r"^record: cell\.split_sha256: "):
        parse_record(json.dumps(raw(**{"cell.split_sha256": "5" * 16})))


def test_a_curve_is_kept_and_where_there_is_none_no_field(raw):
    """Records of before it had the field stay what they were, byte for byte."""
    assert '"curve"' not in parse_record(json.dumps(raw())).to_json()
    line = json.dumps(raw(curve=[[3, 0.5], [9, 0.75]]))
    record = parse_record(line)
    assert record.curve == ((3, 0.5), (9, 0.75))
    assert json.loads(record.to_json()) == json.loads(line)
