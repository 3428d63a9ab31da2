"""Contrast of embeddings with memory banks: what each node looked like lately, to either network."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def new_bank(count: int, width: int, device: torch.device) -> Tensor:
    """[count, width], uniform, with rows of unit norm in expectation."""
    bound = math.sqrt(3 / width)
    return torch.empty(count, width, device=device).uniform_(-bound, bound)


def refreshed(bank: Tensor, places: Tensor, embeddings: Tensor, momentum: float) -> Tensor:
    """The bank with norm(momentum bank + (1 - momentum) embedding) at `places` ([rows] int64, none twice)."""
    return bank.index_copy(0, places, F.normalize(torch.lerp(embeddings, bank[places], momentum)))


def info_nce(anchors: Tensor, positives: Tensor, negatives: Tensor, allowed: Tensor, temperature: float) -> Tensor:
    """Mean over rows of -log(e^(a.p / t) / (e^(a.p / t) + sum over allowed n of e^(a.n / t))); a scalar.

    anchors, positives: [rows, width]; negatives: [count, width], the same for all rows; allowed: [rows, count] bool.
    """
    near = (anchors * positives).sum(dim=1, keepdim=True) / temperature
    far = (anchors @ negatives.T / temperature).masked_fill(~allowed, -math.inf)
    return (torch.logsumexp(torch.cat([near, far], dim=1), dim=1) - near.squeeze(1)).mean()


def nearest(shares: Tensor, count: int) -> Tensor:
    """[rows, count] int64: the rows of greatest cosine with each row of [rows, width]; every row is its own nearest."""
    unit = F.normalize(shares)
    cosines = unit @ unit.T
    return cosines.fill_diagonal_(2.0).topk(count, dim=1).indices
