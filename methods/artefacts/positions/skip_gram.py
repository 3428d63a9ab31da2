"""Skip-gram with negative sampling over walks (Mikolov et al., NeurIPS 2013, equation 4), some walks a step.

Tokens of a walk meet as rows of small matrices, so that a step is a few batched products. What word2vec draws where a
number is enough stands here as its mean: the window shrinks at random there, here a neighbour at distance r of a window
of w counts (w - r + 1) / w; and the negatives of a pair, drawn anew for each there, are drawn once a walk.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class SkipGram:
    """dim: width of the vectors; window: tokens that a token predicts to either side; epochs: passes over all walks.

    negatives: of each pair, after word2vec; drawn: nodes that stand for them a walk; lr falls evenly to lr_end.
    """

    dim: int
    window: int
    epochs: int
    negatives: int = 5
    drawn: int = 128
    lr: float = 0.025
    lr_end: float = 0.0001


#: So many tokens a step as this share of the nodes, that no node is moved many times from one and the same place.
_TOKENS_A_NODE = 0.25


def train_skip_gram(walks: Tensor, nodes: int, wanted: SkipGram, generator: torch.Generator) -> Tensor:
    """[nodes, dim] float32, the input vectors after training on [walks, length] int64."""
    count, length = walks.shape
    vectors = (torch.rand(nodes, wanted.dim, generator=generator) - 0.5) / wanted.dim
    contexts = torch.zeros(nodes, wanted.dim)
    if count == 0:
        return vectors
    weights = window_weights(length, wanted.window)
    noise = torch.bincount(walks.flatten(), minlength=nodes).double().pow(0.75).cumsum(0)
    size = max(1, int(_TOKENS_A_NODE * nodes / length))
    steps, done = wanted.epochs * -(-count // size), 0
    for _ in range(wanted.epochs):
        for part in torch.randperm(count, generator=generator).split(size):
            share = torch.rand(part.numel(), wanted.drawn, generator=generator, dtype=torch.float64)
            others = torch.searchsorted(noise, share * noise[-1], right=True).clamp(max=nodes - 1)
            rate = wanted.lr + (wanted.lr_end - wanted.lr) * done / steps
            rate *= min(1.0, nodes / part.numel() / length)  # one walk alone may pass every node of a small graph often
            move(vectors, contexts, walks[part], others, weights, wanted.negatives, rate)
            done += 1
    return vectors


def window_weights(length: int, window: int) -> Tensor:
    """[length, length]: how much the pair of tokens i and j of a walk counts; 0 beyond the window and on itself."""
    place = torch.arange(length)
    distance = (place[:, None] - place[None, :]).abs()
    return torch.where(distance > 0, (1 - (distance - 1) / window).clamp(min=0), 0.0)


def move(
    vectors: Tensor, contexts: Tensor, walks: Tensor, others: Tensor, weights: Tensor, negatives: int, rate: float
) -> None:
    """One step up the gradient of the sum over walks of

        sum_ij w_ij log s(v_i . c_j) + negatives / drawn sum_i (sum_j w_ij) sum_n log s(-v_i . c_n),

    s the logistic function, i and j tokens of the walk, n the nodes drawn for it. vectors, contexts: [nodes, dim],
    changed in place; walks: [walks, length]; others: [walks, drawn]; weights: [length, length].
    """
    own, near, far = vectors[walks], contexts[walks], contexts[others]
    pull = torch.sigmoid(-(own @ near.mT)) * weights
    push = torch.sigmoid(own @ far.mT) * (weights.sum(dim=1, keepdim=True) * (negatives / others.shape[1]))
    width = own.shape[2]
    of_own = torch.baddbmm(pull @ near, push, far, alpha=-1)
    vectors.index_add_(0, walks.flatten(), of_own.view(-1, width), alpha=rate)
    contexts.index_add_(0, walks.flatten(), (pull.mT @ own).view(-1, width), alpha=rate)
    contexts.index_add_(0, others.flatten(), (push.mT @ own).view(-1, width), alpha=-rate)
