"""What carries trials out, and where they train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ExecutorName = Literal["local", "ray"]
EXECUTORS: tuple[ExecutorName, ...] = get_args(ExecutorName)


@dataclass(frozen=True)
class Means:
    """What carries trials out, and where they train.

    workers: worker processes; 0 trains in this process. On Ray: trials at once; 0 takes one on a local Ray, and what
    there is room for on a cluster. address: of a Ray cluster, `auto` or HOST:PORT; None starts a local Ray.
    cache: whether teachers and artefacts are taken from the data folder's cache, and kept there for other stores; what
    a cluster's machines make is not, since they need not compute alike.
    """

    executor: ExecutorName = "local"
    workers: int = 0
    device: str = "cpu"
    address: str | None = None
    cache: bool = True

    @property
    def device_here(self) -> str:
        """For what this process trains itself, to estimate a cost say; a cluster's devices are not here."""
        return self.device if self.address is None else "cpu"


IN_THIS_PROCESS = Means()
