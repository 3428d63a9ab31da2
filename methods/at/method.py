"""Attention transfer (Zagoruyko and Komodakis, ICLR 2017, equation 2), over nodes instead of pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.losses.hints import HintH, HintHyperparameters, HintMethod


class AttentionHint(HintMethod[HintH]):
    """Hint: mean squared error between the normalised attention maps a / ||a||, a_i = sum_d h_id^2.

    The map is one vector over all nodes of the batch, so widths need not agree and nothing is learned.
    """

    def hint(self, student: Tensor, teacher: Tensor) -> Tensor:
        return F.mse_loss(attention_map(student), attention_map(teacher))


class AttentionTransfer(AttentionHint[HintHyperparameters]):
    """The hint beside the labels, without logits."""

    Hyperparameters = HintHyperparameters


def attention_map(hidden: Tensor) -> Tensor:
    """[nodes, width] -> [nodes], of unit length."""
    return F.normalize(hidden.pow(2).sum(dim=1), dim=0)
