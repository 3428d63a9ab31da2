"""Every GPU that is reserved has a trial, or the launch is refused: counted by placing trials as Ray places them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from graph_distillery.bench.cluster.request import LaunchRequest, Nodes
from graph_distillery.bench.cluster.section import Section
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.preflight import with_gpus
from graph_distillery.bench.sweeps.spec import parse_spec


def busy(nodes: int, cpus: int, gpus: int, trials: int, cpu: float, gpu: float) -> int:
    """GPUs with a trial on them; Ray fills a node and a GPU before it takes the next, which is its worst."""
    free = [[cpus, [1.0] * gpus] for _ in range(nodes)]
    for _ in range(trials):
        for node in free:
            at = next((n for n, left in enumerate(node[1]) if left >= min(gpu, 1) - 1e-9), None)
            if node[0] >= cpu - 1e-9 and at is not None:
                node[0] -= cpu
                for n in range(at, at + max(1, round(gpu))):
                    node[1][n] -= min(gpu, 1)
                break
        else:
            break  # it waits for its turn
    return sum(left < 1 for node in free for left in node[1])


@pytest.mark.parametrize("gpu", [0, 0.1, 0.125, 0.3, 0.5, 1])
def test_no_reserved_gpu_is_idle(mini: dict[str, Any], gpu: float) -> None:
    """1,800 shapes of a cluster, some with a number of workers of their own."""
    made, refused = 0, 0
    for cpu in (1, 2, 3.5):
        spec = parse_spec({**mini, "resources": {"cpus": cpu, "gpus": gpu}}, "spec")
        request = LaunchRequest(spec, "/spec.yaml", "", "2.60.0")
        shapes = itertools.product((1, 2, 3), (1, 4, 7, 16, 64), (1, 2, 3, 4, 8), (None, 1, 4, 6, 16))
        for nodes, cpus, gpus, workers in shapes:
            try:
                words = request.placed([Nodes(nodes, cpus, gpus)], Section(workers=workers))
            except UserError:
                refused += 1
                continue
            options = dict(zip(words[::2], words[1::2], strict=True))
            share = float(options.get("--gpus", gpu))
            assert share, "trials that take no GPU on nodes that have one"
            assert options["--device"] == "cuda"
            trials = int(options["--workers"])
            assert busy(nodes, cpus, gpus, trials, cpu, share) == nodes * gpus, (nodes, cpus, gpus, trials, cpu, share)
            made += 1
    assert made > 80
    assert refused > 80


@pytest.mark.parametrize(
    ("section", "resources", "says"),
    [
        (
            {"gpus_per_node": 4, "cpus_per_node": 2},
            {},
            "gpus: a node has 4 GPUs and CPUs for 2 trials of 1; 2 would",
        ),
        ({"gpus_per_node": 4, "workers": 6}, {}, "workers: 6 trials at once on 4 GPUs leave some idle; take 4 or 8"),
        ({"gpus_per_node": 4}, {"gpus": 0.25}, "use 2 of the 4 of a node with 8 CPUs; write gpus: 0.5"),
        ({"gpus_per_node": 4}, {"cpus": 4, "gpus": 1}, "use 2 of the 4 of a node with 8 CPUs; reserve fewer"),
        ({"gpus_per_node": 4, "workers": 2}, {"gpus": 1}, "workers: 2 trials at once use at most 2 of 4 reserved GPUs"),
    ],
)
def test_what_leaves_gpus_idle_is_refused_in_a_line(
    section: dict[str, Any], resources: dict[str, Any], says: str, launch: Callable[..., Any]
) -> None:
    code, err, made = launch("slurm", section, resources=resources)
    assert (code, made) == (2, None)
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_spec_without_gpus_gets_shares_of_those_reserved(launch: Callable[..., Any]) -> None:
    _, _, made = launch("slurm", {"nodes": 2, "gpus_per_node": 4, "cpus_per_node": 12})
    assert "--workers 24 --gpus 0.3333 --device cuda" in made["files"]["mini.sbatch"]
    _, _, made = launch("slurm", {"cpus_per_node": 12})
    assert "--gpus" not in made["files"]["mini.sbatch"]
    groups = [{"name": "cpu"}, {"name": "gpu", "gpus": 1}]
    code, err, _ = launch("kuberay", {"image": "x", "volume": {"claim": "s"}, "groups": groups})
    assert code == 2
    assert "some of the cluster's nodes have GPUs and others none" in err


def test_the_sweep_takes_a_share_in_place_of_the_specs(mini: dict[str, Any]) -> None:
    spec = parse_spec({**mini, "resources": {"gpus": 1, "overrides": {"kd": {"gpus": 0.5}}}}, "spec")
    shared = with_gpus(spec, 0.25).resources
    assert (shared.of("supervised").gpus, shared.of("kd").gpus) == (0.25, 0.5)
    with pytest.raises(UserError, match=r"^--gpus: a share below 1, or whole gpus, not 1\.5$"):
        with_gpus(spec, 1.5)
