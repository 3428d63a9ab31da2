"""The machine and the versions behind a record."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from graph_distillery.bench.records import Environment


@lru_cache(maxsize=4)
def environment(device: str = "cpu") -> Environment:
    """What a record says of where it ran. The fingerprint names hardware, device and threads, not versions."""
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    threads = torch.get_num_threads()
    cpu = cpu_name()
    basis = "|".join([platform.machine(), cpu, str(os.cpu_count()), name, str(threads)])
    return Environment(
        fingerprint=hashlib.sha256(basis.encode()).hexdigest()[:16],
        python=platform.python_version(),
        torch=torch.__version__,
        pyg=package_version("torch-geometric") or "none",
        ray=package_version("ray"),
        optuna=package_version("optuna") or "none",
        device=name,
        cpu=cpu,
        threads=threads,
        os=platform.platform(),
    )


def package_version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


#: The training engine's number, in every record: raised by a change after which the same run on the same machine ends
#: in other bits, as another order of sums does. Records that have none are of engine 1.
ENGINE = 9


@lru_cache(maxsize=1)
def suite_version() -> str:
    """The version of this suite."""
    return package_version("graph-distillery") or "0+unknown"


@lru_cache(maxsize=1)
def git_sha() -> str | None:
    """The commit of the checkout this runs from, `-dirty` added where it was changed; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    found = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10)
    return found.stdout.strip()


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
