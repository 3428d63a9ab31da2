"""Each run's own random numbers, in the order in which it would draw them alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from graph_distillery.methods.contract.dropout import dropout_mask


class OwnDraws:
    """What one run draws from: taken over from the process's generators as they are now, right after it was built."""

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.device = device
        self.of_tensors = torch.Generator(device if self.cuda else "cpu")
        self._others = torch.Generator()  # the CPU's, of a run on another device
        self._python, self._array = random.getstate(), np.random.get_state()  # noqa: NPY002
        self._take()

    def mask(self, shape: tuple[int, ...], p: float, like: Tensor) -> Tensor | None:
        """A mask of dropout, as `dropout_mask` would draw it."""
        return dropout_mask(shape, p, like, self.of_tensors)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the process's generators are this run's."""
        random.setstate(self._python)
        np.random.set_state(self._array)  # noqa: NPY002
        if self.cuda:
            torch.cuda.set_rng_state(self.of_tensors.get_state(), self.device)
            torch.set_rng_state(self._others.get_state())
        else:
            torch.set_rng_state(self.of_tensors.get_state())
        try:
            yield
        finally:
            self._python, self._array = random.getstate(), np.random.get_state()  # noqa: NPY002
            self._take()

    def _take(self) -> None:
        if self.cuda:
            self.of_tensors.set_state(torch.cuda.get_rng_state(self.device))
            self._others.set_state(torch.get_rng_state())
        else:
            self.of_tensors.set_state(torch.get_rng_state())
