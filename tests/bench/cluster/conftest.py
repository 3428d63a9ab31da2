"""Job files made through the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.cli import main


@pytest.fixture
def launch(mini: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """``launch("slurm", {...})``: exit code, standard error, and the files by name, as --json tells them."""

    def call(target: str, section: Mapping[str, Any], *more: str, folder: Path = tmp_path, **spec: Any) -> Any:
        folder.mkdir(exist_ok=True)
        (folder / "mini.yaml").write_text(yaml.safe_dump({**mini, **spec}))
        (folder / "cluster.yaml").write_text(yaml.safe_dump({target: dict(section)}))
        capsys.readouterr()
        arguments = ["launch", target, folder / "mini.yaml", "--settings", folder / "cluster.yaml", "--json", *more]
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.err, json.loads(said.out) if said.out else None

    return call
