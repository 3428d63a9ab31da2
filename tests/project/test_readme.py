from __future__ import annotations

from pathlib import Path

from bench.readme import refresh


def test_the_tables_of_the_readme_are_those_of_the_registries(repo_root: Path) -> None:
    text = (repo_root / "README.md").read_text()
    assert text.count("<!-- table: ") == 4
    assert refresh(text) == text, "run: make readme"
