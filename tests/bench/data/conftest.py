from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loading import load_dataset


@pytest.fixture(scope="session")
def load(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Dataset]:
    """Loads a dataset of the mirror through one data folder for the whole session."""
    root = tmp_path_factory.mktemp("datasets")

    def loaded(name: str) -> Dataset:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISTILLERY_MIRROR", str(mirror))
            return load_dataset(name, root)

    return loaded


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, on machines that have one too."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the network is off")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
