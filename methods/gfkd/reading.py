"""What a frozen teacher says of graphs: its logits, and how far its batch norms are from what they recorded."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.gfkd.padded import Layout, PaddedGraph


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The layers that carry statistics of what they were trained on, by their names."""
    found = ((name, each) for name, each in model.named_modules() if isinstance(each, _BatchNorm))
    return {name: each for name, each in found if each.running_mean is not None}


class FrozenNorm(nn.BatchNorm1d):
    """A batch norm in evaluation mode that compares what it reads with what it recorded.

    After each call `distance` is ||running variance - variance||_2 + ||running mean - mean||_2 of its input, a scalar:
    over all nodes of all graphs, the variance the biased one. Both steps are one node of autograd, which has a third
    of the passes over the states that a batch norm and a variance after it have.
    """

    def __init__(self, norm: _BatchNorm) -> None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        super().__init__(norm.num_features, norm.eps, norm.momentum, affine=norm.affine)
        self.to(norm.running_mean).load_state_dict(norm.state_dict())
        self.eval().requires_grad_(False)
        scale = (norm.running_var + norm.eps).rsqrt() if norm.weight is None else _scale(norm)
        shift = -norm.running_mean * scale if norm.bias is None else norm.bias - norm.running_mean * scale
        self.register_buffer("scale", scale.detach())
        self.register_buffer("shift", shift.detach())
        self.distance: Tensor | None = None

    def forward(self, states: Tensor) -> Tensor:
        """[nodes, width] -> [nodes, width]"""
        if states.requires_grad:
            normal, self.distance = _Reading.apply(states, self)
        else:
            normal, self.distance, *_ = _read(states, self)
        return normal


def _scale(norm: _BatchNorm) -> Tensor:
    assert norm.running_var is not None
    return norm.weight * (norm.running_var + norm.eps).rsqrt()


def _read(states: Tensor, norm: Any) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """What the norm makes of the states, the distance, the mean, and the distance's gradients in mean and variance.

    (torch.var_mean is ten times slower along rows.)
    """
    mean = states.mean(dim=0)
    variance = (states - mean).square_().mean(dim=0)
    of_mean, of_variance = mean - norm.running_mean, variance - norm.running_var
    mean_gap, variance_gap = torch.linalg.vector_norm(of_mean), torch.linalg.vector_norm(of_variance)
    tiny = torch.finfo(states.dtype).tiny
    normal = torch.addcmul(norm.shift, states, norm.scale)
    return normal, mean_gap + variance_gap, mean, of_mean / (mean_gap + tiny), of_variance / (variance_gap + tiny)


class _Reading(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, norm: Any) -> tuple[Tensor, Tensor]:
        normal, distance, mean, of_mean, of_variance = _read(states, norm)
        ctx.save_for_backward(states, mean, of_mean, of_variance, norm.scale)
        return normal, distance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        states, mean, of_mean, of_variance, scale = ctx.saved_tensors
        of_mean, of_variance = (gradients[1] / states.shape[0] * each for each in (of_mean, of_variance))
        found = torch.addcmul(of_mean - 2 * of_variance * mean, states, 2 * of_variance)
        return found.addcmul_(gradients[0], scale), None


class Reader:
    """A copy of a frozen teacher whose batch norms are `FrozenNorm`s; the teacher itself stays as it is.

    A norm that the teacher works out by itself from the parameters, as DGCNN's over arcs, is not read.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model)
        self.norms: list[FrozenNorm] = []
        for name, norm in batch_norms(self.model).items():
            owner, _, attribute = name.rpartition(".")
            self.norms.append(FrozenNorm(norm))
            setattr(self.model.get_submodule(owner), attribute, self.norms[-1])

    def __call__(self, graph: Graph) -> tuple[Tensor, Tensor]:
        """The logits, [graphs, classes], and the distances of all norms that are read, summed, a scalar."""
        output: Output = self.model(graph)
        distances = [norm.distance for norm in self.norms if norm.distance is not None]
        if not distances:
            return output.logits, output.logits.new_zeros(())
        return output.logits, torch.stack(distances).sum()

    def reads_all_norms(self, columns: int) -> bool:
        """Whether a forward pass, on one graph of two nodes with `columns` features, goes through every norm."""
        device = next(self.model.parameters()).device
        layout = Layout(torch.tensor([2], device=device))
        with torch.no_grad():
            self(PaddedGraph(layout, layout.pairs, torch.zeros(2, columns, device=device)))
        return all(norm.distance is not None for norm in self.norms)
