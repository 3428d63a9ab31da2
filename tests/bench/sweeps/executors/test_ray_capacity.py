"""What no node can carry is told before it waits for ever."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.executors.ray_capacity import misfits, watched
from graph_distillery.bench.sweeps.spec import Needs

GIB = 2**30
SMALL = {"CPU": 8.0, "memory": 4.0 * GIB}
LARGE = {"CPU": 2.0, "memory": 8.0 * GIB, "GPU": 1.0}


@pytest.mark.parametrize(
    ("needs", "nodes", "said"),
    [
        ({"kd": Needs(), "gfkd": Needs(cpus=2, gpus=0.5, memory=8 * GIB)}, [SMALL, LARGE], None),
        ({"kd": Needs(cpus=8), "gfkd": Needs(gpus=1)}, [SMALL, LARGE], None),
        ({"kd": Needs(cpus=0.1 + 0.2)}, [{"CPU": 0.3}], None),
        (
            {"kd": Needs(), "gfkd": Needs(gpus=2)},
            [SMALL, LARGE],
            "a trial of gfkd asks for 1 CPU and 2 GPUs, and this machine has 2 CPUs and 1 GPU",
        ),
        (
            {name: Needs(cpus=4, memory=6 * GIB) for name in ("kd", "glnn", "at", "lsp", "fgkd")},
            [SMALL, LARGE],
            "a trial of kd, glnn, at and 2 more asks for 4 CPUs and 6 GiB of memory, and this machine has 8 CPUs and "
            "4 GiB of memory",
        ),
        ({"kd": Needs()}, [], "a trial of kd asks for 1 CPU, and this machine has 0 CPUs"),
    ],
)
def test_a_trial_larger_than_any_node_is_named(needs: Any, nodes: Any, said: str | None) -> None:
    assert misfits(needs, nodes, "this machine") == ([f"resources: {said}"] if said else [])


def test_a_cluster_is_watched_while_it_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, lines, twice = [SMALL], [], threading.Event()
    monkeypatch.setattr("graph_distillery.bench.sweeps.executors.ray_capacity.alive", lambda: list(nodes))

    def tell(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            nodes.append(LARGE)
            twice.set()

    with watched({"gfkd": Needs(gpus=1)}, tell, again_s=0.01):
        assert twice.wait(10)
    assert lines == 2 * [
        "warning: resources: a trial of gfkd asks for 1 CPU and 1 GPU, and the largest node of the cluster has 8 CPUs "
        "and 0 GPUs; such trials wait until a larger node joins"
    ]


def test_a_cluster_of_ray_is_asked_what_it_has(ray_cluster: Any) -> None:
    from graph_distillery.bench.sweeps.executors.ray_session import ray_session

    told = threading.Event()
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        told.set()

    with ray_session(ray_cluster.address, 1, Needs(), {"kd": Needs(), "gfkd": Needs(gpus=3)}, tell):
        assert told.wait(10)
    assert (
        "a trial of gfkd asks for 1 CPU and 3 GPUs, and the largest node of the cluster has 1 CPU and 2 GPUs"
        in lines[0]
    )
    assert len(lines) == 1
    with pytest.raises(UserError, match=r"neither 'auto' nor HOST:PORT"), ray_session("nowhere", 1, Needs()):
        pass
