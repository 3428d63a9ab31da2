"""Bad input: exit code 2, one line that names the nearest valid name, and nothing on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RUN = ["run", "--dataset", "karate", "--method", "kd", "--out", "store"]


def changed(option: str, value: str) -> list[str]:
    """RUN with one option more, or with another value."""
    if option in RUN:
        at = RUN.index(option)
        return [*RUN[: at + 1], value, *RUN[at + 2 :]]
    return [*RUN, option, value]


NEAR_MISSES = [
    (["swep"], "unknown command 'swep'; did you mean 'sweep'?"),
    (["sweep", "s.yaml", "--wokers", "2"], "unknown option '--wokers'; did you mean '--workers'?"),
    (["list", "metods"], "did you mean 'methods'?"),
    (["info", "glnnn"], "unknown method, model or dataset 'glnnn'; did you mean 'glnn'?"),
    (["info", "citeser"], "did you mean 'citeseer'?"),
    (["info", "sagee"], "did you mean 'sage'?"),
    (changed("--dataset", "karat"), "unknown dataset 'karat'; did you mean 'karate'?"),
    (changed("--method", "glnm"), "unknown method 'glnm'; did you mean 'glnn'?"),
    (changed("--student", "mlpp"), "unknown model 'mlpp'; did you mean 'mlp'?"),
    (changed("--teacher", "sag"), "unknown model 'sag'; did you mean 'sage'?"),
    (changed("--split", "publik"), "did you mean 'public'?"),
    (changed("--setting", "inductiv"), "inductive"),
    (changed("--variant", "papper"), "did you mean 'paper'?"),
    (
        ["run", "--dataset", "karate", "--method", "oad", "--variant", "official_code", "--out", "store"],
        "oad chooses by test labels, as the released code does; only distillery reproduce runs it (elsewhere: variant "
        "paper)",
    ),
    (changed("--device", "cpuu"), "unknown device 'cpuu'; did you mean 'cpu'?"),
    (changed("--set", "alpa=0.3"), "did you mean 'alpha'?"),
    (changed("--set", "teacher.hiden=3"), "did you mean 'teacher.hidden'?"),
    (changed("--set", "studnt.lr=1"), "did you mean 'student'?"),
    (changed("--set", "lr=0.1"), "'lr' is ambiguous; write student.lr or teacher.lr"),
    (changed("--set", "alpha"), "expected NAME=VALUE"),
    (changed("--set", "alpha=[1]"), "expected a number, a word, true, false or null"),
    (changed("--set", "alpha=3"), "alpha: Input should be less than or equal to 1"),
    (changed("--set", "student.lr=-1"), "lr must be a number above 0"),
    (changed("--set", "student.epochs=1.5"), "expected an integer"),
    (changed("--set", "student.hidden=null"), "fix.hidden: expected an integer, got null"),
    (changed("--seeds", "3-1"), "the range 3-1 is empty"),
    (changed("--seeds", "0,x"), "'x' is neither a seed nor a range"),
    (changed("--seeds", "1,0-3"), "seed 1 is named twice"),
    (["sweep", "absent.yaml"], "no such file"),
    (["status", "absent"], "is no store"),
    (["leaderboard", "absent", "--out", "board"], "not a store"),
]


def pair(dataset: str, method: str, teacher: str, student: str, *more: str) -> list[str]:
    sets = [part for each in more for part in ("--set", each)]
    return ["run", "--dataset", dataset, "--method", method, "--teacher", teacher, "--student", student,
            "--out", "store", *sets]  # fmt: skip


#: What shows only when method, teacher and student meet: without a rehearsal, after the teacher was trained.
MISFITS = [
    (pair("motifs", "gfkd", "gcn", "gcn"), "motifs/kfold-10 gcn->gcn gfkd: teacher 'gcn' has no batch norm"),
    (pair("motifs", "deep-inversion", "gin", "gcn", "teacher.norm=layer"), "teacher 'gin' has no batch norm"),
    (pair("shapes-small", "gfkd", "dgcnn", "gin"), "teacher 'dgcnn' works its batch norms out by itself"),
    (pair("karate", "lsp", "gat", "gcn", "teacher_layer=5"), "teacher_layer 5: the teacher has 1 hidden states"),
    (pair("karate", "lsp", "gat", "gcn", "student_layer=-3"), "student_layer -3: the student has 1 hidden states"),
    (pair("karate", "oad", "gat", "gcn", "student.layers=1"), "student_layer -1: the student has 0 hidden states"),
    (pair("karate", "lsp", "gat", "sage", "student.fan_out=5,5"), "fan_out: this method reads all edges of a batch"),
    (pair("karate", "fgkd", "spat-ufg", "fmlp-o", "student.filter=low-pass"), "'low-pass' has no high-pass"),
    (pair("karate", "lsp", "gat", "gcn", "kernel=polinomial"), "did you mean 'polynomial'?"),
    (pair("karate", "fgkd", "spat-ufg", "fmlp-o", "student.filter=harr"), "did you mean 'haar'?"),
    (pair("karate", "oad", "gat", "gcn", "students=0"), "students: Input should be greater than or equal to 2"),
    (pair("motifs", "gfkd", "gin", "gin", "max_nodes=5"), "max_nodes: 5 is below min_nodes, 10"),
]


@pytest.mark.parametrize(
    ("arguments", "line"), NEAR_MISSES + MISFITS, ids=lambda value: "" if isinstance(value, list) else value
)
def test_a_near_miss_is_one_line_and_writes_nothing(
    arguments: list[str], line: str, distillery: Callable[..., Any], tmp_path: Path
) -> None:
    done = distillery(*arguments)
    assert done.code == 2
    assert line in done.err
    assert done.err.startswith("distillery: ")
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


SPECS: list[tuple[dict[str, Any], str]] = [
    ({"serch": {"trials": 3}}, "did you mean 'search'?"),
    ({"search": {"trails": 3}}, "did you mean 'trials'?"),
    ({"datasets": ["karat"]}, "did you mean 'karate'?"),
    ({"split": "publik"}, "did you mean 'public'?"),
    ({"methods": ["kdd"]}, "did you mean 'kd'?"),
    ({"teachers": ["sagee"]}, "did you mean 'sage'?"),
    ({"students": [{"model": "mlp", "hiden": 3}]}, "did you mean 'hidden'?"),
    ({"students": [{"model": "mlp", "patience": None}]}, "fix.patience: expected an integer, got null"),
    ({"methods": [{"name": "kd", "fix": {"taw": 1}}]}, "did you mean 'tau'?"),
    ({"methods": [{"name": "kd", "fix": {"alpha": 7.0}}]}, "less than or equal to 1"),
    (
        {"methods": [{"name": "lsp", "space": {"kernel": {"choice": ["linear", "polynomal"]}}}], "students": ["gcn"]},
        "'polynomal' is not a choice; did you mean 'polynomial'?",
    ),
    (
        {"methods": [{"name": "oad", "space": {"students": {"int": [0, 4]}}}], "students": ["gcn"]},
        "the range of method.students holds 0: Input should be greater than or equal to 2",
    ),
    (
        {"students": [{"model": "mlp", "space": {"lr": {"float": [-1.0, 1.0]}}}]},
        "the range of student.lr holds -1.0: lr",
    ),
    ({"methods": [{"name": "oad", "variant": "official_code"}], "students": ["gcn"]}, "only distillery reproduce runs"),
    ({"search": {"seeds": [0, 1]}}, "seed 0 is also a tuning seed"),
    ({"methods": ["glnn"], "students": ["gcn"]}, "the plan is empty"),
]


@pytest.mark.parametrize(("changes", "line"), SPECS, ids=lambda value: "" if isinstance(value, dict) else value)
def test_a_mistake_in_a_spec_is_one_line_and_makes_no_store(
    changes: dict[str, Any],
    line: str,
    distillery: Callable[..., Any],
    write_spec: Callable[..., Path],
    tmp_path: Path,
) -> None:
    spec = write_spec(**changes)
    for more in ([], ["--dry-run"]):
        done = distillery("sweep", spec, *more)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert line in done.err
    assert list(tmp_path.iterdir()) == [spec]


def test_an_unknown_executor_and_a_missing_device_are_refused(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec()
    done = distillery("sweep", spec, "--executor", "locl")
    assert (done.code, "did you mean 'local'?" in done.err) == (2, True)
    done = distillery("sweep", spec, "--device", "cuda:99")
    assert (done.code, done.err.count("\n")) == (2, 1)
    done = distillery("sweep", spec, "--data", spec)
    assert (done.code, "not a folder" in done.err) == (2, True)
    assert list(tmp_path.iterdir()) == [spec]


def test_a_missing_dataset_is_one_line_and_makes_no_store(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "mirror"
    empty.mkdir()
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "nowhere"))
    done = distillery("sweep", write_spec(datasets=["cora"], split="public"), "--out", "store")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "DISTILLERY_MIRROR" in done.err
    assert not (tmp_path / "store").exists()


def test_a_store_of_another_spec_is_left_alone(
    distillery: Callable[..., Any],
    write_spec: Callable[..., Path],
    tmp_path: Path,
    contents: Callable[[Path], dict[str, Any]],
) -> None:
    assert distillery("sweep", write_spec(methods=["majority"]), "--out", "store").code == 0
    before = contents(tmp_path / "store")
    other = write_spec(methods=["majority"], split="cpf")
    for more in ([], ["--dry-run"]):
        done = distillery("sweep", other, "--out", "store", *more)
        assert (done.code, "split: " in done.err) == (2, True)
    assert contents(tmp_path / "store") == before


LONG = "x" * 260


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--dataset", "karate", "--method", "supervised", "--out", LONG],
        ["sweep", f"{LONG}.yaml"],
        ["leaderboard", LONG, "--out", "board"],
        ["verify", LONG, "store"],
        ["submit", LONG],
        ["status", LONG],
        ["demo", "--out", LONG],
        ["reproduce", "glnn-1", "--datasets", "cora", "--out", LONG],
        ["info", "karate", "--data", LONG],
    ],
    ids=lambda command: command[0],
)
def test_a_path_that_no_file_can_have_is_one_line(command: list[str], distillery: Callable[..., Any]) -> None:
    called = distillery(*command)
    assert called.code == 2
    (line,) = called.err.strip().splitlines()
    assert "name too long" in line.lower()
