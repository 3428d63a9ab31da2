"""A plug-in method that learns from labels until its fault strikes; found through its entry point, as any plug-in."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from graph_distillery.methods import MethodInfo
from graph_distillery.search_spaces import register_space

if TYPE_CHECKING:
    from torch import Tensor

Fault = Literal[
    "none",
    "nan",
    "raise",
    "odd text",
    "oom",
    "memory error",
    "exit",
    "slow",
    "hang",
    "die",
    "gpu",
    "deaf",
    "greedy",
    "stubborn",
]


@cache  # a search space is registered once
def describe() -> MethodInfo:
    """Its entry in the registry."""
    register_space("method", "faulty", Path(__file__).with_name("faulty.yaml"))
    return MethodInfo(
        name="faulty",
        title="What can go wrong",
        paper="none",
        venue="here",
        year=0,
        url="",
        family="fault",
        target="faulty_methods:Faulty",
        teacher="none",
    )


def _swallow() -> None:
    """Nothing stops it but the end of its process."""
    print("swallows", flush=True)
    while True:
        try:
            time.sleep(600)
        except KeyboardInterrupt:
            continue


class Gate:
    """Counts who came; an actor of Ray's."""

    def __init__(self) -> None:
        self.number = 0

    def arrive(self) -> None:
        self.number += 1

    def arrived(self) -> int:
        return self.number


def _meet(number: int) -> None:
    """Wait until so many trials are under way on Ray at once; the test made the gate."""
    import ray

    gate = ray.get_actor("gate")
    ray.get(gate.arrive.remote())
    while ray.get(gate.arrived.remote()) < number:
        time.sleep(0.1)


def __getattr__(name: str) -> Any:
    """The class, without torch until it is asked for."""
    if name != "Faulty":
        raise AttributeError(name)
    import torch

    from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output

    class FaultyHyperparameters(Hyperparameters):
        strength: float = Field(1.0, gt=0)
        fault: Fault = "none"

    class Faulty(Method[FaultyHyperparameters]):
        Hyperparameters = FaultyHyperparameters
        epoch = 0

        def on_epoch_start(self, epoch: int) -> None:
            self.epoch = epoch

        def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
            loss = self.task.label_loss(student.logits[batch.labelled], batch.labels)
            return {"labels": self.hyper.strength * (self._strike(loss) if self.epoch >= 2 else loss)}

        def _strike(self, loss: Tensor) -> Tensor:  # noqa: PLR0912
            match self.hyper.fault:
                case "nan":
                    return loss * float("nan")
                case "raise":
                    raise RuntimeError("the loss\nbroke")
                case "odd text":
                    raise RuntimeError("half a \ud800 pair, a bell \x07 and\r\na long story " + "x" * 5000)
                case "oom":
                    torch.empty(2**50)
                case "memory error":
                    raise MemoryError
                case "exit":
                    sys.exit(3)
                case "slow":
                    time.sleep(0.05)
                case "hang":
                    time.sleep(600)
                case "stubborn":
                    _swallow()
                case "gpu":
                    _meet(3)
                    raise RuntimeError(f"sees GPU {os.environ.get('CUDA_VISIBLE_DEVICES')}")
                case "deaf":  # in C, with Python's lock in its hand
                    ctypes.PyDLL(None).sleep(600)
                case "greedy":
                    held = [bytearray(2**24) for _ in range(2**12)]
                    raise RuntimeError(f"{len(held)} times 16 MiB were to be had")
                case "die" if torch.initial_seed() == 101:
                    os.kill(os.getpid(), signal.SIGKILL)
            return loss

    globals()["Faulty"] = Faulty
    return Faulty
