"""The packaged spaces, plug-ins, and a light import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.search_spaces import available, library, load_space, register_space, unknown

Fault = Callable[[Callable[[], Any]], str]
NAMES = [("method", name) for name in available("method")] + [("model", name) for name in available("model")]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_packaged_space_holds(kind: Any, name: str) -> None:
    space = load_space(kind, name)
    assert (space.kind, space.name) == (kind, name)
    defaults = space.defaults()
    for key, parameter in space.parameters.items():
        assert parameter.source.strip()
        assert parameter.contains(defaults.get(key, parameter.default))
        assert type(parameter.canonical(parameter.default)) is type(parameter.default)
    for preset in space.presets:
        for dataset in preset.dataset:
            for split in preset.split or (None,):
                assert space.defaults(dataset, split).items() >= preset.values.items()
    if kind == "model":
        assert set(defaults) >= {"layers", "hidden", "dropout", "norm", "residual", "lr", "weight_decay"}
        assert set(space.fixed) >= {"epochs", "patience", "batch_size", "readout"}


def test_heads_divide_every_width() -> None:
    gat = load_space("model", "gat").parameters
    widths: Any = gat["hidden"].choices
    heads: Any = gat["heads"].choices
    assert all(width % head == 0 for width in widths for head in heads)


def test_unknown_names_are_one_line(fault: Fault) -> None:
    assert fault(lambda: load_space("method", "gln")) == ("search spaces: unknown method 'gln'; did you mean 'glnn'?")
    assert "unknown model 'GCNS'; did you mean 'gcn'?" in fault(lambda: load_space("model", "GCNS"))
    assert "the valid ones are " in fault(lambda: load_space("model", "../../etc/passwd"))
    assert "did you mean 'model'?" in fault(lambda: load_space("modle", "gcn"))  # type: ignore[arg-type]
    assert unknown("field", "nmae", ["name", "kind"], "s") == "s: unknown field 'nmae'; did you mean 'name'?"
    assert unknown("field", "a\nb", [], "s") == "s: unknown field 'a\\nb'; there is none"
    assert len(unknown("field", "x" * 10**6, ["name"], "s")) < 200


def test_plug_ins_register_once(tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_registered", {})
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nkind: method\nparameters:\n  w: {float: [0, 1], default: 5.0E-1, source: my paper}\n")
    register_space("method", "mine", path)
    assert load_space("method", "mine").defaults() == {"w": 0.5}
    assert "mine" in available("method")
    assert "mine" not in available("model")
    assert "already there" in fault(lambda: register_space("method", "mine", path))
    assert "already there" in fault(lambda: register_space("method", "kd", path))
    assert "expected the method 'other', got the method 'mine'" in fault(
        lambda: register_space("method", "other", path)
    )
    assert "no such file" in fault(lambda: register_space("method", "gone", tmp_path / "gone.yaml"))
    path.write_text("name: bad\nkind: method\nparameters:\n  w: {flaot: [0, 1], default: 0, source: s}\n")
    assert f"{path}: parameters.w: unknown field 'flaot'; did you mean 'float'?" in fault(
        lambda: register_space("method", "bad", path)
    )
    assert "bad" not in available("method")


def test_import_is_light() -> None:
    code = (
        "import sys; from graph_distillery import search_spaces; "
        "heavy = {'torch', 'ray', 'optuna', 'pydantic'} & set(sys.modules);"
        "assert not heavy, heavy; search_spaces.load_space('model', 'gcn');"
        "rooms = {f'graph_distillery.{room}' for room in ('methods', 'bench')};"
        "heavy = ({'torch', 'ray', 'optuna'} | rooms) & set(sys.modules); assert not heavy, heavy"
    )
    root = Path(library.__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
