"""The YAML subset: what is read as what, and that every fault is one line with a place."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.search_spaces import SpaceError, load_yaml

DEEP = 30


def fault(text: str | Path) -> str:
    with pytest.raises(SpaceError) as caught:
        load_yaml(text, source="spec.yaml")
    message = str(caught.value)
    assert message.startswith("spec.yaml")
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("5.0E-4", 5e-4),
        ("-.5", -0.5),
        ("+12", 12),
        ("007", 7),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("10:30", "10:30"),
        ("2024-01-31", "2024-01-31"),
        ("on", "on"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'1e-3'", "1e-3"),
        ('"null"', "null"),
        ("nan", "nan"),
        ("|\n  5\n", "5\n"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    got = load_yaml(f"x: {text}", source="s")["x"]
    assert got == value
    assert type(got) is type(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=80, deadline=None)
def test_json_is_read_as_json(value: object) -> None:
    assert load_yaml(json.dumps(value), source="s") == value


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: &x [1]\nb: *x\n", "line 1, column 4", "anchors (&x)"),
        ("b: *x\n", "line 1, column 4", "aliases (*x)"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1", "'a' appears twice"),
        ("x:\n  lr: {a: 1, a: 1}", "line 2, column 14", "'a' appears twice"),
        ("1: a", "line 1, column 1", "a key must be text, got 1"),
        ("? [a]\n: b", "line 1, column 3", "a key must be text"),
        ("null: a", "line 1, column 1", "a key must be text, got null"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1", "a second document"),
        ("a: !!python/object:os.system {}", "line 1, column 4", "tags"),
        ("a: !x 1", "line 1, column 4", "tags"),
        ("a: .nan", "line 1, column 4", "not a finite number"),
        ("a: -.inf", "line 1, column 4", "not a finite number"),
        ("a: 1e999", "line 1, column 4", "too large"),
        ("a: " + "9" * 5000, "line 1, column 4", "too long"),
        ('a: "\\ud800"', "line 1, column 4", "half a surrogate pair"),
        ("a: [1, 2", "line 1, column 9", "not valid YAML"),
        ("a:\n\t- b", "line 2, column 1", "not valid YAML"),
        ("a: b: c", "line 1, column 5", "not valid YAML"),
        ("a: 1\nb: \x00", "line 2, column 4", "not allowed"),
        ("- " * 50_000 + "x", "line 1, column 63", "deeper than 30"),
        ("[" * 100_000, "line 1, column 32", "deeper than 30"),
    ],
)
def test_a_fault_names_its_place(text: str, place: str, words: str) -> None:
    message = fault(text)
    assert place in message
    assert words in message


def test_depth_of_thirty_is_allowed() -> None:
    assert load_yaml("[" * DEEP + "]" * DEEP, source="s") is not None
    assert "deeper" in fault("[" * (DEEP + 2) + "]" * (DEEP + 2))


def test_a_billion_laughs_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    assert "anchors" in fault("\n".join(lines))


def test_files(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_bytes(b"\xef\xbb\xbflr: 1e-2\n")  # a byte-order mark is no error
    assert load_yaml(good, source="s") == {"lr": 0.01}
    assert "no such file" in fault(tmp_path / "missing.yaml")
    assert "cannot read" in fault(tmp_path)
    assert "cannot read" in fault(Path("a\0b"))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: \xe9\n".encode("latin-1"))
    assert "line 2, column 4: not UTF-8 text: byte 0xe9" in fault(latin)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(128)))
    assert "not allowed in YAML" in fault(binary)
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * 1_000_001)
    assert "over 1000000 bytes" in fault(big)
    assert "over 1000000 bytes" in fault("é" * 600_000)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("a: 1")
    secret.chmod(0)
    assert "Permission denied" in fault(secret)


def outcome(text: str | Path) -> str:
    """The message of the error, or a line when there is none; any other exception passes through."""
    try:
        load_yaml(text, source="fuzz")
    except SpaceError as error:
        return str(error)
    return "fuzz: read"


@given(st.one_of(st.text(max_size=60), st.text(alphabet="[]{}:,-?&*!|>'\"#%@` \n\tab1.e", max_size=40)))
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_value_or_one_line(text: str) -> None:
    assert re.fullmatch(r"fuzz[^\n\r]+", outcome(text))


@given(st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_a_value_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(data)
    assert re.fullmatch(r"fuzz[^\n\r]+", outcome(path))
