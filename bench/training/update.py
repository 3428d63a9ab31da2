"""The engine's side of a step: from the terms of a loss to moved weights. Nothing else calls `backward`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from graph_distillery.methods.contract import Update


class GradientUpdate(Update):
    """Gradient, clipping and the optimiser's step, in the precision that the weights have.

    optimizers: those of `Method.optimizers`, in their order; each moves its own parameters alone.
    clip: the greatest 2-norm that the gradient of an optimiser's parameters, taken together, may have; None: any.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer], clip: float | None = None) -> None:
        self.optimizers, self.clip = list(optimizers), clip
        self._rates = [[group["lr"] for group in each.param_groups] for each in self.optimizers]
        self._scale = 1.0

    def __call__(self, terms: Mapping[str, Tensor], optimizer: int = 0) -> dict[str, Tensor]:
        chosen = self.optimizers[optimizer]
        chosen.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        if self.clip is not None:
            moved = [parameter for group in chosen.param_groups for parameter in group["params"]]
            torch.nn.utils.clip_grad_norm_(moved, self.clip)
        chosen.step()
        return {name: term.detach() for name, term in terms.items()}

    def forget(self, optimizer: int = 0) -> None:
        self.optimizers[optimizer].state.clear()

    def scale_rates(self, factor: float) -> None:
        """From now on every optimiser's learning rate is `factor` times the one it was made with."""
        if factor == self._scale:
            return
        self._scale = factor
        for each, rates in zip(self.optimizers, self._rates, strict=True):
            for group, rate in zip(each.param_groups, rates, strict=True):
                group["lr"] = rate * factor
