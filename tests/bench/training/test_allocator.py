"""Freed memory is used again: page faults and memory, counted in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is Linux's")

#: As the steps of a training: each makes blocks of 64 MiB and frees them.
SCRIPT = """
import resource
import torch
from graph_distillery.bench.training.allocator import keep_freed_memory
kept = keep_freed_memory()
for _ in range(40):
    block = torch.ones(2**24)
    double = block * 2
    del block, double
use = resource.getrusage(resource.RUSAGE_SELF)
print(int(kept), use.ru_minflt, use.ru_maxrss)
"""


def measured(**environment: str) -> tuple[bool, int, float]:
    """Whether it is kept, page faults, and the most resident memory in MiB."""
    script, env = [sys.executable, "-c", SCRIPT], {**os.environ, **environment}
    run = subprocess.run(script, env=env, capture_output=True, text=True, check=True)
    kept, faults, kib = run.stdout.split()
    return kept == "1", int(faults), int(kib) / 1024


def test_blocks_are_mapped_once_unless_the_environment_has_chosen() -> None:
    kept, faults, most = measured()
    anew, faults_anew, most_anew = measured(MALLOC_TRIM_THRESHOLD_="131072")
    assert kept
    assert not anew
    assert faults < faults_anew / 4
    assert most < most_anew + 8 * 64  # it does not grow with the number of steps
