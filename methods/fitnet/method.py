"""FitNet (Romero et al., ICLR 2015), on graphs as in Joshi et al. (TNNLS 2022, "efficient-gnns")."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.losses.hints import HintH, HintHyperparameters, HintMethod, hidden_width, pick_layer

#: Width that the heads of the released code map both hidden states to.
HEAD_WIDTH = 256


class FitNetHint(HintMethod[HintH]):
    """Hint: mean squared error between L2-normalised rows of a learned map of h_s and of h_t.

    `paper`: W h_s against h_t, W without a bias and of the teacher's width. `official_code`, after the code of Joshi
    et al.: a head of Linear, BatchNorm and ReLU to 256 on either side, both trained. The paper trains the lower half
    on the hint first and the whole on logits after; like all graph work since, both variants train at once.
    """

    def setup(self) -> None:
        super().setup()
        if self.hyper.beta == 0:
            return
        width = hidden_width(self, self.hyper.student_layer)
        target = pick_layer(self.teachers[0].hidden, self.hyper.teacher_layer, "teacher").shape[1]
        device = self.context.device
        self.of_teacher: nn.Module | None = None
        self.of_student: nn.Module
        if self.context.variant == "official_code":
            self.of_student, self.of_teacher = _head(width).to(device), _head(target).to(device)
        else:
            self.of_student = nn.Linear(width, target, bias=False, device=device)

    def hint(self, student: Tensor, teacher: Tensor) -> Tensor:
        mapped = teacher if self.of_teacher is None else self.of_teacher(teacher)
        return F.mse_loss(F.normalize(self.of_student(student)), F.normalize(mapped))


class FitNet(FitNetHint[HintHyperparameters]):
    """The hint beside the labels, without logits."""

    Hyperparameters = HintHyperparameters


def _head(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, HEAD_WIDTH), nn.BatchNorm1d(HEAD_WIDTH), nn.ReLU())
