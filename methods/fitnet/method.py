"""FitNet (Romero et al., ICLR 2015), on graphs as in Joshi et al. (TNNLS 2022)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.losses.hints import HintHyperparameters, HintMethod, hidden_width, pick_layer


class FitNet(HintMethod[HintHyperparameters]):
    """Hint: mean squared error between the L2-normalised rows of W h_s and of h_t; W is learned.

    The paper trains the lower half on the hint first and the whole on logits after; like all graph work since,
    this trains both at once. W maps the student's width to the teacher's, without a bias.
    """

    Hyperparameters = HintHyperparameters

    def setup(self) -> None:
        super().setup()
        if self.hyper.beta == 0:
            return
        width = hidden_width(self, self.hyper.student_layer)
        target = pick_layer(self.teachers[0].hidden, self.hyper.teacher_layer, "teacher").shape[1]
        self.projection = nn.Linear(width, target, bias=False, device=self.context.device)

    def hint(self, student: Tensor, teacher: Tensor) -> Tensor:
        return F.mse_loss(F.normalize(self.projection(student)), F.normalize(teacher))
