"""FGKD, frameless graph knowledge distillation (Shi et al., 2023; IEEE TNNLS 36(5), 2025), section 4."""

from __future__ import annotations

from typing import Any

from torch import nn

from graph_distillery.methods.glnn.method import GLNN


class FGKD(GLNN):
    """lambda CE on labelled nodes + (1 - lambda) KL(p_t || p_s) on all nodes, lambda 0, as GLNN.

    What is new is the student: a perceptron that reads each node's features and its rows of the graph knowledge
    K_r^(l) = (W_r^T A W_r)^l, made of the framelet operators W_r of the teacher's layers, low-pass and high-pass.

    `official_code` takes its steps on the labels apart, as GLNN's does, and the high-pass branch of its student's
    output layer has the low-pass encoder and classifier; in fmlp-o it reads the low-pass knowledge too, so that no
    high-pass signal reaches the output.
    """

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        if self.context.variant == "official_code":
            hyper = {"high_pass_output": "released", **hyper}
        return super().new_student(num_features, **hyper)
