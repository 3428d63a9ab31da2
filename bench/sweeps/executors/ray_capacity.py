"""Whether trials fit on the nodes that there are: what fits on none, Ray lets wait for ever without a word.

A local Ray is what it is, and such a trial is an error. A cluster may always get the node that is missing, for an
autoscaler starts it once a trial waits, or a scheduler's workers join after their head, and Ray tells no client
whether any will. So there it is a warning, given again while it is true.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from graph_distillery.bench.sweeps.spec import Needs

#: Seconds between two warnings.
AGAIN_S = 600.0
_NAMED = 3
_GIB = 2**30


def fits(needs: Needs, node: Mapping[str, float]) -> int:
    """How many such trials a node holds, by what it has under Ray's names."""
    return int(_times(needs, node) + 1e-9)


def misfits(needs: Mapping[str, Needs], nodes: Sequence[Mapping[str, float]], where: str) -> list[str]:
    """A line for each kind of trial that no node holds; needs: by method; where: what the nodes are of, in words."""
    kinds: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for method, each in needs.items():
        kinds.setdefault(tuple(_asked(each).items()), []).append(method)
    lines = []
    for kind, methods in kinds.items():
        each = needs[methods[0]]
        if any(fits(each, node) for node in nodes):
            continue
        named = ", ".join(methods[:_NAMED]) + (f" and {len(methods) - _NAMED} more" if len(methods) > _NAMED else "")
        largest = max(nodes, key=lambda node: _times(each, node), default={})
        there = _words({name: largest.get(name, 0.0) for name, _ in kind})
        lines.append(f"resources: a trial of {named} asks for {_words(dict(kind))}, and {where} has {there}")
    return lines


@contextmanager
def watched(needs: Mapping[str, Needs], tell: Callable[[str], None], again_s: float = AGAIN_S) -> Iterator[None]:
    """Meanwhile `tell` of trials that wait for a larger node than the cluster has, at once and then rarely."""
    over = threading.Event()

    def watch() -> None:
        while True:
            for line in misfits(needs, alive(), "the largest node of the cluster"):
                tell(f"warning: {line}; such trials wait until a larger node joins")
            if over.wait(again_s):
                return

    thread = threading.Thread(target=watch, name="ray-capacity", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def alive() -> list[Mapping[str, float]]:
    """What each node has."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _asked(needs: Needs) -> dict[str, float]:
    asked = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": float(needs.memory or 0)}
    return {name: amount for name, amount in asked.items() if amount}


def _times(needs: Needs, node: Mapping[str, float]) -> float:
    """How often a trial fits on a node, in parts too."""
    return min(node.get(name, 0.0) / amount for name, amount in _asked(needs).items())


def _words(amounts: Mapping[str, float]) -> str:
    """`4 CPUs, 1 GPU and 2 GiB of memory`."""
    parts = [
        f"{amount / _GIB:.3g} GiB of memory" if name == "memory" else f"{amount:g} {name}{'' if amount == 1 else 's'}"
        for name, amount in amounts.items()
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
