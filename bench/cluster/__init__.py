"""Job files for clusters: Slurm, Kubernetes with KubeRay, and Ray's own launcher. See docs/clusters.md."""

from __future__ import annotations

from graph_distillery.bench.cluster.files import Launch
from graph_distillery.bench.cluster.launchers import TARGETS, make_launch
from graph_distillery.bench.cluster.settings import read_settings

__all__ = ["TARGETS", "Launch", "make_launch", "read_settings"]
