"""One step of all runs: the gradient of the sum of their losses, clipped and taken by each run's own settings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from graph_distillery.bench.training.fused.stack import Students
from graph_distillery.methods.contract import OptimiserSettings
from graph_distillery.methods.contract.optimiser import FusedAdam

_BETAS, _EPS = (0.9, 0.999), 1e-8


class RunsUpdate:
    """Adam with L2 regularisation, as `contract.adam`, of stacked weights and of what each run trains besides.

    own: of each run the parameters that are not its student's.
    """

    def __init__(
        self, students: Students, own: Sequence[Sequence[nn.Parameter]], settings: Sequence[OptimiserSettings]
    ) -> None:
        self.students = students
        self.own, self.settings = [list(each) for each in own], list(settings)
        self._begin({})

    def _begin(self, state: dict[Tensor, dict[str, Tensor]]) -> None:
        first = self.settings[0]
        self.shared = [*self.students.parameters.values()]
        heads = [head for each in self.own for head in each]
        alike = len({(each.lr, each.weight_decay) for each in self.settings}) == 1
        self._clips = any(each.clip is not None for each in self.settings)
        if alike:
            self._adam: torch.optim.Optimizer = FusedAdam([*self.shared, *heads], first.lr, first.weight_decay)
        else:
            self._adam = _AdamOfRuns(self.shared, self.own, self.settings)
        self._adam.state.update(state)

    def __call__(self, total: Tensor) -> None:
        """total: the sum of all runs' losses."""
        self._adam.zero_grad(set_to_none=True)
        total.backward()
        if self._clips:
            self._clip()
        self._adam.step()

    def _clip(self) -> None:
        """As `clip_grad_norm_` of each run's gradient."""
        bounds = [float("inf") if each.clip is None else each.clip for each in self.settings]
        gradients = [value.grad for value in self.shared if value.grad is not None]
        squares = sum((grad.flatten(1).square().sum(1) for grad in gradients), start=torch.zeros(()))
        norms = torch.as_tensor(squares, device=self.shared[0].device).expand(len(bounds)).clone()
        for place, heads in enumerate(self.own):
            for head in heads:
                if head.grad is not None:
                    norms[place] += head.grad.square().sum()
        scale = (norms.new_tensor(bounds) / (norms.sqrt() + 1e-6)).clamp(max=1.0)
        for grad in gradients:
            grad.mul_(scale.view(-1, *[1] * (grad.dim() - 1)))
        for place, heads in enumerate(self.own):
            for head in heads:
                if head.grad is not None:
                    head.grad.mul_(scale[place])

    def keep(self, places: Sequence[int]) -> None:
        """Only these runs go on; to be called after the students' own `keep`."""
        old, moments = self.shared, self._adam.state
        self.own = [self.own[place] for place in places]
        self.settings = [self.settings[place] for place in places]
        self.shared = [*self.students.parameters.values()]
        state: dict[Tensor, dict[str, Tensor]] = {}
        for before, after in zip(old, self.shared, strict=True):
            if before in moments:
                chosen = torch.tensor(places, device=before.device)
                state[after] = {
                    name: value[chosen] if value.dim() else value for name, value in moments[before].items()
                }
        for heads in self.own:
            state.update({head: moments[head] for head in heads if head in moments})
        self._begin(state)


class _AdamOfRuns(torch.optim.Optimizer):
    """Adam where runs have rates and weight decays of their own: of stacked tensors one a row."""

    def __init__(
        self, shared: Sequence[Tensor], own: Sequence[Sequence[nn.Parameter]], settings: Sequence[OptimiserSettings]
    ) -> None:
        every = [*shared, *(head for heads in own for head in heads)]
        super().__init__(every, {})
        self._pace: list[tuple[Tensor, Tensor, Tensor]] = []
        for value in shared:
            rows = (len(settings), *[1] * (value.dim() - 1))
            rates, decays = ([getattr(each, name) for each in settings] for name in ("lr", "weight_decay"))
            self._pace.append((value, value.new_tensor(rates).view(rows), value.new_tensor(decays).view(rows)))
        for heads, each in zip(own, settings, strict=True):
            self._pace += [(head, head.new_tensor(each.lr), head.new_tensor(each.weight_decay)) for head in heads]

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        for value, rate, decay in self._pace:
            if value.grad is None:
                continue
            state = self.state[value]
            if not state:
                state["step"] = torch.zeros(())
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(value), torch.zeros_like(value)
            state["step"] += 1
            count = float(state["step"])
            gradient = value.grad + decay * value
            state["exp_avg"].lerp_(gradient, 1 - _BETAS[0])
            state["exp_avg_sq"].mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
            spread = (state["exp_avg_sq"].sqrt() / (1 - _BETAS[1] ** count) ** 0.5).add_(_EPS)
            value.sub_(rate / (1 - _BETAS[0] ** count) * state["exp_avg"] / spread)
