"""From a spec and a cluster file to job files."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from graph_distillery.bench.cluster import cloud, kuberay
from graph_distillery.bench.cluster.batch import lsf, pbs, slurm
from graph_distillery.bench.cluster.files import Launch, absolute, printable
from graph_distillery.bench.cluster.request import LaunchRequest
from graph_distillery.bench.cluster.settings import Cluster
from graph_distillery.bench.cluster.shell import Literal
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.shards import Shard, take_shard
from graph_distillery.bench.sweeps.preflight import sealed
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.near_names import unknown_line

TARGETS = ("slurm", "pbs", "lsf", "kuberay", "ray")


def make_launch(target: str, spec: Path, cluster: Cluster) -> Launch:
    """The job files of a sweep.

    Raises:
        UserError: the target, the spec, its plan or the cluster file are not in order.
    """
    if target not in TARGETS:
        raise UserError(f"launch: {unknown_line('target', target, TARGETS)}")
    read = read_spec(spec)
    printable(str(spec), "SPEC")
    plan = make_plan(read)
    sealed(plan)
    path = Literal(absolute(spec, "SPEC"))
    request = LaunchRequest(read, path, spec.read_text(encoding="utf-8-sig"), version("ray"))
    if target in ("slurm", "pbs", "lsf"):
        batch = getattr(cluster, target)
        if batch.parts:
            take_shard(plan, Shard(1, batch.parts), f"{target}.parts")  # refuses more shards than cells
    if target == "slurm":
        return slurm.make(request, cluster.slurm)
    if target == "pbs":
        return pbs.make(request, cluster.pbs)
    if target == "lsf":
        return lsf.make(request, cluster.lsf)
    if target == "kuberay" and cluster.kuberay is not None:
        return kuberay.make(request, cluster.kuberay)
    if target == "ray" and cluster.ray is not None:
        return cloud.make(request, cluster.ray)
    raise UserError(f"launch {target}: --settings must name a file with a section {target!r}; see docs/clusters.md")
