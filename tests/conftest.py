"""What every test shares: one thread, reproducible hypothesis, the repository and the real datasets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports numpy or torch, which read these once.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

REPO_ROOT = Path(__file__).resolve().parents[1]

# No deadline: a shared machine is slow at times. Derandomized: the same tree gives the same verdict.
settings.register_profile("distillery", deadline=None, derandomize=True)
settings.load_profile("distillery")


def pytest_collection_finish() -> None:
    """Hold torch to one thread where a plugin imported it before the variables above were set."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The root of the checkout."""
    return REPO_ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The read-only tree of real datasets: DISTILLERY_MIRROR, or shared/data beside the checkout."""
    named = os.environ.get("DISTILLERY_MIRROR")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            pytest.fail(f"DISTILLERY_MIRROR names {named}, which is not a folder")
        return folder
    beside = REPO_ROOT.parent / "shared" / "data"
    if not beside.is_dir():
        pytest.skip("no real datasets: DISTILLERY_MIRROR is not set and ../shared/data does not exist")
    return beside


@pytest.fixture(scope="session")
def require_or_skip() -> Callable[[str, str], None]:
    """Skips with a reason, or fails where DISTILLERY_REQUIRE="postgresql shellcheck" names what is missing.

    ``require_or_skip("shellcheck", "no shellcheck on the path")``, called when it is missing.
    """

    def missing(name: str, reason: str) -> None:
        if name in os.environ.get("DISTILLERY_REQUIRE", "").split():
            pytest.fail(f"DISTILLERY_REQUIRE names {name}: {reason}")
        pytest.skip(reason)

    return missing
