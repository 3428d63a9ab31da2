"""How the sources are laid out: no import circle, no long module, no crowded folder, one import name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

PACKAGE = "graph_distillery"
ROOMS = ("methods", "search_spaces", "bench", "leaderboard")
LONGEST_MODULE, MOST_MODULES = 400, 15


@pytest.fixture(scope="module")
def modules(repo_root: Path, package_files: list[Path]) -> dict[str, ast.Module]:
    """Every module of the package by its import name."""
    found = {}
    for file in package_files:
        if file.suffix != ".py":
            continue
        parts = list(file.with_suffix("").parts)
        name = ".".join(part for part in ([] if parts[0] == PACKAGE else [PACKAGE]) + parts if part != "__init__")
        found[name] = ast.parse((repo_root / file).read_text(encoding="utf-8"))
    return found


def imported(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Each import: the module, and the name that is taken out of it; inside functions and TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_no_import_goes_in_a_circle(modules: dict[str, ast.Module]) -> None:
    graph = networkx.DiGraph()
    for name, tree in modules.items():
        for module, taken in imported(tree):
            target = f"{module}.{taken}" if f"{module}.{taken}" in modules else module
            if target in modules and target != name:
                graph.add_edge(name, target)
    assert graph.number_of_edges() > 500, "the graph was not read"
    circles = [sorted(group) for group in networkx.strongly_connected_components(graph) if len(group) > 1]
    assert circles == []


def test_no_module_imports_a_room_by_its_bare_name(modules: dict[str, ast.Module]) -> None:
    """A checkout has folders of these names on its path, an installed wheel has not."""
    bare = {
        (name, module)
        for name, tree in modules.items()
        for module, _ in imported(tree)
        if module.split(".")[0] in ROOMS
    }
    assert bare == set()


def test_no_module_is_too_long(repo_root: Path, package_files: list[Path]) -> None:
    files = [file for file in package_files if file.suffix == ".py"]
    files += [file.relative_to(repo_root) for file in (repo_root / "tests").rglob("*.py")]
    lengths = {str(file): len((repo_root / file).read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_no_folder_is_crowded(package_files: list[Path]) -> None:
    counts = Counter(file.parent.as_posix() for file in package_files if file.suffix == ".py")
    assert {folder: number for folder, number in counts.items() if number > MOST_MODULES} == {}


def test_nothing_is_overridden_by_its_own_parent(modules: dict[str, ast.Module]) -> None:
    """A method whose whole body is `return super().its_own_name(its own arguments)` says nothing."""
    found = []
    for name, tree in modules.items():
        for node in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            body = [each for each in node.body if not isinstance(each, ast.Expr) or isinstance(each.value, ast.Call)]
            passed_on = ", ".join(each.arg for each in node.args.args[1:])
            call = f"super().{node.name}({passed_on})"
            if len(body) == 1 and ast.unparse(body[0]) in (call, f"return {call}"):
                found.append(f"{name}.{node.name}, line {node.lineno}")
    assert found == []
