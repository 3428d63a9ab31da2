"""Labels that are words come out as words; a card that names code takes a word of consent."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

import graph_distillery as gd
from graph_distillery.bench.cli import main
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.students.card import read_card, saved_in

KINDS = ("book", "film", "song")
MODULE = """
from pathlib import Path
import torch

Path("it-ran").touch()


class Net(torch.nn.Linear):
    def __init__(self, in_features, out_features):
        super().__init__(in_features, out_features)

    def forward(self, x, edge_index):
        return super().forward(x)
"""


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two tables in the working folder, whose labels are words that features tell."""
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    kinds = [draw.choice(KINDS) for _ in range(60)]
    rows = [f"i{n},{k},{KINDS.index(k) + draw.gauss(0, 0.05):.4f},{draw.random():.4f}" for n, k in enumerate(kinds)]
    Path("nodes.csv").write_text("\n".join(["id,label,length,price", *rows]) + "\n")
    Path("edges.csv").write_text("source,target\n" + "".join(f"i{n},i{(n + 1) % 60}\n" for n in range(60)))
    return kinds


def test_words_and_consent(kinds: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    given = ["run", "--dataset", "file:edges.csv,name=items", "--method", "supervised", "--student", "mlp"]
    given += ["--set", "student.epochs=150", "--set", "student.lr=0.05", "--seeds", "0", "--workers", "0"]
    assert main([*given, "--save-students", "best", "--out", "store"]) == 0
    ((name, card),) = saved_in(Path("store")).items()
    assert card.data.class_names == KINDS
    frame = gd.predict(Path("store/students", name), Path("edges.csv")).to_frame()
    assert [KINDS[number] for number in frame["class"]] == list(frame["class_name"])
    assert sum(told == true for told, true in zip(frame["class_name"], kinds, strict=True)) > 54
    capsys.readouterr()
    assert main(["predict", f"store/students/{name}", "--graph", "edges.csv", "--nodes", "0"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("item,name,class,class_name,p0,")
    assert printed[1].startswith(f"0,i0,{KINDS.index(frame['class_name'][0])},{frame['class_name'][0]},")

    strange = Path("strange")  # the same weights, and a card that names code of the reader's folder
    shutil.copytree(Path("store/students", name), strange)
    Path("dst_strange.py").write_text(MODULE)
    content = json.loads((strange / "student.json").read_text())
    content["network"]["model"] = "python:dst_strange:Net"
    (strange / "student.json").write_text(json.dumps(content))
    assert read_card(strange).network.model == "python:dst_strange:Net"
    for words in (["predict", "strange", "--graph", "edges.csv"], ["export", "strange", "--graph", "edges.csv"]):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "python:dst_strange:Net, which loading would run" in told
    for call in (lambda: gd.load_student(strange), lambda: gd.predict(strange, Path("edges.csv"))):
        with pytest.raises(UserError, match="allow_code=True"):
            call()
    assert not Path("it-ran").exists()
    with pytest.raises(UserError, match="dst_strange"):
        gd.load_student(strange, allow_code=True)
    assert Path("it-ran").exists()
