"""How a student is optimised."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class OptimiserSettings:
    """How the student is trained; part of the model's search space, not of the method's.

    patience: epochs without a better validation score before training stops; 0 never stops early.
    batch_size: items a step (graphs in graph classification and on many graphs); None takes all at once.
    clip: the greatest 2-norm of a step's gradient, which is scaled down to it; None leaves gradients as they are.
    """

    lr: float = 0.01
    weight_decay: float = 0.0
    epochs: int = 200
    patience: int = 50
    batch_size: int | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, one line, where a value is out of bounds."""
        for name in ("lr", "weight_decay", "clip"):
            value = getattr(self, name)
            if name == "clip" and value is None:
                continue
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or value < 0 or (name != "weight_decay" and value == 0):
                bound = "of at least 0" if name == "weight_decay" else "above 0"
                raise ValueError(f"{name} must be a number {bound}, got {value!r}")
        for name, low in (("epochs", 0), ("patience", 0), ("batch_size", 1)):
            value = getattr(self, name)
            if name == "batch_size" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")


class FusedAdam(torch.optim.Adam):
    """Torch's own fused Adam, to the bit, without what its class does around the kernel.

    For a small model that takes several times as long as the kernel, and the first call loads torch's compiler, which
    costs a process seconds and 100 MB. Its hooks and its profiler's mark are not called.
    """

    def __init__(self, parameters: Any, lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(list(parameters), lr=lr, weight_decay=weight_decay, fused=True)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        inspect.unwrap(torch.optim.Optimizer.add_param_group)(self, param_group)  # without the compiler's wrapper

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Only to None."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Without closure."""
        for group in self.param_groups:
            moved = [each for each in group["params"] if each.grad is not None]
            for kind in dict.fromkeys((each.dtype, each.device) for each in moved):
                self._move([each for each in moved if (each.dtype, each.device) == kind], group)

    step.hooked = True  # type: ignore[attr-defined]  # else torch wraps it at the first instance

    def _move(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """One call of the kernel, for parameters of one type and device."""
        states = [self.state[each] or self._begin(each) for each in parameters]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adam_(
            parameters,
            [each.grad for each in parameters if each.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def _begin(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state


def adam(parameters: Any, settings: OptimiserSettings) -> FusedAdam:
    """Adam with L2 regularisation, in the fused form (twice as fast on small models)."""
    return FusedAdam(parameters, settings.lr, settings.weight_decay)
