"""Our call of Adam's kernel is torch's own, to the bit."""

from __future__ import annotations

import torch
from torch import nn

from graph_distillery.methods.contract.optimiser import FusedAdam


def test_steps_are_those_of_torchs_fused_adam() -> None:
    """With gradients that come and go, rates that change, and parameters of two types."""
    generator = torch.Generator().manual_seed(0)
    shapes = [((7, 3), torch.float32), ((5,), torch.float64), ((33, 64), torch.float32), ((), torch.float64)]
    drawn = [torch.randn(shape, dtype=dtype, generator=generator) for shape, dtype in shapes]
    mine, theirs = ([nn.Parameter(each.clone()) for each in drawn] for _ in range(2))
    ours = FusedAdam(mine, lr=0.01, weight_decay=5e-4)
    torchs = torch.optim.Adam(theirs, lr=0.01, weight_decay=5e-4, fused=True)
    for epoch in range(12):
        for optimizer in (ours, torchs):
            optimizer.zero_grad()
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + epoch)
        for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            gradient = torch.randn(one.shape, dtype=one.dtype, generator=generator)
            if (epoch + place) % 3:
                one.grad, other.grad = gradient, gradient.clone()
        ours.step()
        torchs.step()
        assert all(map(torch.equal, mine, theirs))
    for one, other in zip(mine, theirs, strict=True):
        assert ours.state[one].keys() == torchs.state[other].keys()
        assert all(torch.equal(ours.state[one][name], value) for name, value in torchs.state[other].items())
