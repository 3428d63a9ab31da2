"""Names to things: near misses, duplicates, plug-ins found through entry points, and laziness."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from graph_distillery.methods import METHODS
from graph_distillery.methods.registry import BrokenEntryWarning, DuplicateNameError, Registry, UnknownNameError, walk

GROUP = "graph_distillery.test_things"


@dataclass(frozen=True)
class Thing:
    name: str
    target: str = "math:pi"


def things(group: str | None = None) -> Registry[Thing]:
    return Registry("thing", lambda: [Thing("alpha"), Thing("beta")], group)


def install(folder: Path, name: str, module: str, entry_points: str) -> None:
    """A distribution as pip leaves it: its module, and a .dist-info folder that declares its entry points."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"{name}.py").write_text(module, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def test_a_near_miss_is_named_in_one_line() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown method 'gllnn'; did you mean 'glnn'\?$"):
        METHODS.get("gllnn")
    with pytest.raises(UnknownNameError, match=r"^unknown thing 'zzz'; the valid ones are alpha, beta$"):
        things().load("zzz")


def test_a_name_is_taken_once() -> None:
    registry = things()
    registry.register(Thing("gamma", "math:tau"))
    assert registry.names == ["alpha", "beta", "gamma"]
    with pytest.raises(DuplicateNameError, match="'beta' is registered twice: math:pi and math:e"):
        registry.register(Thing("beta", "math:e"))
    assert registry.load("beta") == pytest.approx(3.14159, abs=1e-5)
    registry.unregister("gamma")
    assert "gamma" not in registry


def test_plugins_come_through_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an entry, or as a function that returns one."""
    module = (
        "class Thing:\n    def __init__(self, name): self.name, self.target = name, 'math:e'\n"
        "gamma = Thing('gamma')\ndef delta(): return Thing('delta')\n"
    )
    install(tmp_path, "dsttest_good", module, f"[{GROUP}]\ng = dsttest_good:gamma\nd = dsttest_good:delta\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = things(GROUP)
    assert sorted(registry.names) == ["alpha", "beta", "delta", "gamma"]
    assert registry.load("delta") == pytest.approx(2.71828, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "module", "words"),
    [
        ("dsttest_broken", "import dsttest_missing\n", "plug-in 'x' of dsttest_broken .*dsttest_missing"),
        ("dsttest_nothing", "thing = 3\n", "plug-in 'x' of dsttest_nothing cannot be loaded"),
        ("dsttest_twice", "class thing:\n    name, target = 'beta', 'math:e'\n", "twice: math:pi and math:e"),
    ],
)
def test_a_bad_plugin_is_left_out_with_one_warning(
    name: str, module: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are there, the warning comes once, and whoever asks for it by name is told the reason."""
    install(tmp_path, name, module, f"[{GROUP}]\nx = {name}:thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = things(GROUP)
    with pytest.warns(BrokenEntryWarning, match=words) as caught:
        assert registry.names == ["alpha", "beta"]
    assert len(caught) == 1
    assert registry.names == ["alpha", "beta"]
    (broken,) = registry.broken
    assert re.search(words, broken.reason)
    assert "\n" not in broken.reason
    with pytest.raises(UnknownNameError):
        registry.get("x")


def test_a_folder_whose_info_is_broken_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`walk` finds folders at any depth, resolves relative targets, and stops at nothing."""
    good = "import dataclasses\n\n\n@dataclasses.dataclass(frozen=True)\nclass Thing:\n"
    good += "    name: str\n    target: str\n\n\nINFO = (Thing('one', '.method:ONE'), Thing('two', 'math:e'))\n"
    for folder, info in (("", ""), ("deep", ""), ("deep/first", good), ("second", "import dsttest_missing\n")):
        (tmp_path / "dsttest_walked" / folder).mkdir()
        (tmp_path / "dsttest_walked" / folder / "__init__.py").touch()
        if info:
            (tmp_path / "dsttest_walked" / folder / "info.py").write_text(info)
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[Thing] = Registry("thing", lambda: walk("dsttest_walked"))
    with pytest.warns(BrokenEntryWarning, match=r"dsttest_walked\.second cannot be loaded: .*dsttest_missing"):
        assert registry.names == ["one", "two"]
    assert registry.get("one").target == "dsttest_walked.deep.first.method:ONE"
    with pytest.raises(UnknownNameError, match="dsttest_missing"):
        registry.get("second")


def test_listing_loads_no_torch(repo_root: Path) -> None:
    code = (
        "import sys; from graph_distillery.methods import METHODS\n"
        "from graph_distillery.bench.models.registry import MODELS\n"
        "from graph_distillery.bench.data.registry import DATASETS\n"
        "assert len(METHODS.names) > 5 and 'gcn' in MODELS and 'cora' in DATASETS and METHODS.get('kd').year == 2015\n"
        "assert not {'torch', 'torch_geometric', 'ray'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repo_root, check=True)
