"""The multi-layer perceptron that GLNN and its successors train (Zhang et al., ICLR 2022)."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from graph_distillery.bench.models.base import WIDTHS, Model, ModelHyperparameters, numbers
from graph_distillery.bench.models.layers import Convolution, Dense


class MLPHyperparameters(ModelHyperparameters):
    widths: str = Field("", pattern=WIDTHS, description="widths of the hidden layers where they differ, as 128-128-7")

    @model_validator(mode="after")
    def _one_width_a_hidden_layer(self) -> Self:
        named = numbers(self.widths)
        if len(named) not in (0, self.layers - 1):
            raise ValueError(f"widths names {len(named)} layers, and layers - 1 = {self.layers - 1}")
        if self.residual and len(set(named)) > 1:
            raise ValueError(f"residual adds states of one width, and widths = {self.widths!r}")
        return self


class MLP(Model):
    """Linear layers with dropout on the hidden states alone, as GLNN's code; nn.Linear's initialisation."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = MLPHyperparameters
    by_layer: ClassVar[bool] = True
    uses_edges: ClassVar[bool] = False

    def hidden_widths(self, hyper: Any) -> list[int]:
        return numbers(hyper.widths) or super().hidden_widths(hyper)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        return Dense(in_features, out_features)
