"""A method in a package of its own, with its search space: found, conformant, and listed, without a line of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = '''
"""Distillation by mean squared error of logits (Ba and Caruana, NIPS 2014, equation 1)."""
from __future__ import annotations
from pathlib import Path
import torch.nn.functional as F
from pydantic import Field
from graph_distillery.methods.contract import Hyperparameters, Method

class MatchHyperparameters(Hyperparameters):
    weight: float = Field(1.0, ge=0, description="weight of the distance between logits")

class Match(Method[MatchHyperparameters]):
    """Squared error between the logits of student and teacher, on all observed items."""
    Hyperparameters = MatchHyperparameters
    def loss(self, batch, student):
        return {"teacher": self.hyper.weight * F.mse_loss(student.logits, batch.teacher.logits)}
'''
ENTRY = """
from __future__ import annotations
from pathlib import Path
from graph_distillery.methods import MethodInfo
from graph_distillery.search_spaces import register_space

def entry():
    register_space("method", "match", Path(__file__).with_name("match.yaml"))
    return MethodInfo(
        name="match", title="Logit matching", paper="Do Deep Nets Really Need to be Deep?", venue="NIPS", year=2014,
        url="https://arxiv.org/abs/1312.6184", family="logits", target="dstmatch_method:Match",
        tasks=("node-classification",), students=("mlp",), inference="features",
        own_term={"weight": 0.0}, without_own_term="untrained",
    )
"""
SPACE = """
name: match
kind: method
parameters:
  weight:
    float: [0.1, 10.0]
    log: true
    default: 1.0
    source: the paper weights nothing
"""
TEST = """
from graph_distillery.bench.conformance import MethodConformance

class TestMatch(MethodConformance):
    method = "match"
"""


def test_a_plugged_in_method_conforms(tmp_path: Path, repo_root: Path) -> None:
    info = tmp_path / "dstmatch-1.0.dist-info"
    info.mkdir()
    files = {
        "dstmatch_method.py": MODULE,
        "dstmatch.py": ENTRY,
        "match.yaml": SPACE,
        "test_match.py": TEST,
        "dstmatch-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: dstmatch\nVersion: 1.0\n",
        "dstmatch-1.0.dist-info/entry_points.txt": "[graph_distillery.methods]\nmatch = dstmatch:entry\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(repo_root)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", "test_match.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert "test_learns[match-node-classification-mlp]" in done.stdout
