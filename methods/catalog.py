"""The field's table of contents: one entry per method. Listing it loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ALL_TASKS = ("node-classification", "node-multilabel", "graph-classification")
NODE_TASKS = ("node-classification", "node-multilabel")

_PAPER: Mapping[str, str] = {"paper": "as published"}


@dataclass(frozen=True)
class MethodInfo:
    """What there is to know of a method before it is loaded.

    students: the kinds of student it trains ("gnn", "mlp"); empty when it has none.
    student_models: the models it trains, where they are not all of those kinds.
    inference: what a prediction needs: the node's features, the graph, or structure computed beforehand.
    variants: name -> how it differs; `paper` is always there and comes first.
    training_data: False for a method that distils without any training data.
    """

    name: str
    title: str
    paper: str
    venue: str
    year: int
    url: str
    family: str
    target: str
    tasks: tuple[str, ...] = ALL_TASKS
    students: tuple[str, ...] = ("gnn", "mlp")
    teacher: Literal["none", "one", "many"] = "one"
    inference: Literal["features", "graph", "precomputed structure", "as the student"] = "as the student"
    variants: Mapping[str, str] = field(default_factory=lambda: _PAPER)
    training_data: bool = True
    student_models: tuple[str, ...] = ()

    def why_not_student(self, model: str, kind: str) -> str | None:
        """Why it does not train a model of this kind, in words that follow its name; None where it does."""
        trains = " or ".join(self.student_models or self.students) or "no"
        if kind not in self.students:
            return f"trains {trains} students, and {model} is of kind {kind}"
        if self.student_models and model not in self.student_models:
            return f"trains {trains} students, and {model} is none of them"
        return None


BUILTIN: list[MethodInfo] = [
    MethodInfo(
        name="supervised",
        title="Student alone",
        paper="cross-entropy on the labels, no teacher",
        venue="control",
        year=0,
        url="",
        family="control",
        target="graph_distillery.methods.supervised:Supervised",
        teacher="none",
    ),
    MethodInfo(
        name="teacher",
        title="Teacher alone",
        paper="the frozen teacher's own predictions",
        venue="control",
        year=0,
        url="",
        family="control",
        target="graph_distillery.methods.teacher:TeacherAlone",
        students=(),
        inference="graph",
    ),
    MethodInfo(
        name="majority",
        title="Majority class",
        paper="the most frequent class of the labelled items",
        venue="control",
        year=0,
        url="",
        family="control",
        target="graph_distillery.methods.majority:Majority",
        students=(),
        teacher="none",
        inference="features",
    ),
    MethodInfo(
        name="label-propagation",
        title="Label propagation",
        paper="Learning with Local and Global Consistency",
        venue="NeurIPS",
        year=2003,
        url="https://proceedings.neurips.cc/paper/2003/hash/87682805257e619d49b8e0dfdc14affa-Abstract.html",
        family="control",
        target="graph_distillery.methods.label_propagation:LabelPropagation",
        tasks=("node-classification",),
        students=(),
        teacher="none",
        inference="graph",
    ),
    MethodInfo(
        name="kd",
        title="Knowledge distillation",
        paper="Distilling the Knowledge in a Neural Network",
        venue="NIPS workshop",
        year=2015,
        url="https://arxiv.org/abs/1503.02531",
        family="logits",
        target="graph_distillery.methods.kd:KD",
    ),
    MethodInfo(
        name="glnn",
        title="Graph-less neural networks",
        paper="Graph-less Neural Networks: Teaching Old MLPs New Tricks via Distillation",
        venue="ICLR",
        year=2022,
        url="https://arxiv.org/abs/2110.08727",
        family="GNN to MLP",
        target="graph_distillery.methods.glnn:GLNN",
        tasks=NODE_TASKS,
        students=("mlp",),
        inference="features",
        variants={
            "paper": "one weighted sum of both terms a step (equation 1)",
            "official_code": "steps on the labels and on the teacher apart; with lambda = 0 the former still decay "
            "the weights",
        },
    ),
    MethodInfo(
        name="fitnet",
        title="FitNet",
        paper="FitNets: Hints for Thin Deep Nets",
        venue="ICLR",
        year=2015,
        url="https://arxiv.org/abs/1412.6550",
        family="features",
        target="graph_distillery.methods.fitnet:FitNet",
    ),
    MethodInfo(
        name="at",
        title="Attention transfer",
        paper="Paying More Attention to Attention",
        venue="ICLR",
        year=2017,
        url="https://arxiv.org/abs/1612.03928",
        family="features",
        target="graph_distillery.methods.at:AttentionTransfer",
    ),
    MethodInfo(
        name="oad",
        title="Online adversarial distillation",
        paper="Online Adversarial Distillation for Graph Neural Networks",
        venue="arXiv",
        year=2021,
        url="https://arxiv.org/abs/2112.13966",
        family="online",
        target="graph_distillery.methods.oad:OAD",
        students=("gnn",),
        teacher="none",
        variants={
            "paper": "each student: labels + tau^2 KL from the mean of the other students' logits, averaged over items "
            "+ fooling the next discriminator of the ring; scores are the mean over students",
            "official_code": "the divergence divided by items and classes once more; discriminators end in a ReLU and "
            "propagate without self-loops; scores are those of the student that is best on the judged items; a softmax "
            "over many labels; on many graphs a new Adam after the warm-up",
        },
    ),
    MethodInfo(
        name="fgkd",
        title="Frameless graph knowledge distillation",
        paper="Frameless Graph Knowledge Distillation",
        venue="IEEE TNNLS",
        year=2025,
        url="https://arxiv.org/abs/2307.06631",
        family="GNN to MLP",
        target="graph_distillery.methods.fgkd:FGKD",
        tasks=("node-classification",),
        students=("gnn",),
        student_models=("fmlp-o", "fmlp-s"),
        inference="precomputed structure",
        variants={
            "paper": "lambda times cross-entropy on labelled nodes + (1 - lambda) KL(teacher || student) on all "
            "nodes, one sum a step; what is new is the student, which reads each node's features and its rows of K_r = "
            "(W_r^T A W_r)^l (see `info fmlp-o`); low-pass and high-pass branches each with knowledge, encoder and "
            "classifier of their own in every layer",
            "official_code": "steps on the labels and on the teacher apart, the former with weight 0 by default, where "
            "they still decay the weights; in the output layer the high-pass branch reads the low-pass knowledge by "
            "the low-pass encoder and classifier. (The released loop also rolls back every epoch that does not match "
            "the best, which cannot be behind the published figures and is not followed.)",
        },
    ),
    MethodInfo(
        name="lsp",
        title="Local structure preserving",
        paper="Distilling Knowledge from Graph Convolutional Networks",
        venue="CVPR",
        year=2020,
        url="https://arxiv.org/abs/2003.10477",
        family="structure",
        target="graph_distillery.methods.lsp:LSP",
        variants={
            "paper": "cross-entropy + lambda times the mean over nodes of KL(student || teacher); a node's structure "
            "is the softmax over its neighbours and itself of SIM(z_i, z_j); RBF kernel exp(-|z_i - z_j|^2 / 2 sigma) "
            "(or linear z_i . z_j, polynomial (z_i . z_j + c)^d, L2 |z_i - z_j|^2), lambda 100, every epoch; where a "
            "network builds its own edges, over the union of the student's and the teacher's",
            "official_code": "kernel exp(-|z_i - z_j|_1 / 100), KL(teacher || student), lambda 1, the first 30 epochs "
            "alone, states before the activation; its F1 threshold (logit 0.5) and its selection on test scores are "
            "not taken over",
        },
    ),
    MethodInfo(
        name="gfkd",
        title="Graph-free knowledge distillation",
        paper="Graph-Free Knowledge Distillation for Graph Neural Networks",
        venue="IJCAI",
        year=2021,
        url="https://arxiv.org/abs/2105.07519",
        family="data-free",
        target="graph_distillery.methods.gfkd.method:GFKD",
        tasks=("graph-classification",),
        students=("gnn",),
        variants={
            "paper": "features down the gradient of L = cross-entropy with drawn classes + bn_weight times the "
            "sum over batch norms of |recorded variance - variance| + |recorded mean - mean| + one_hot_weight times a "
            "node's entropy; the logit of every arc down ARM's (L(1[u > 1 - s]) - L(1[u < s])) (u - 1/2), s its chance "
            "and u uniform, from two forward passes; then T^2 KL(teacher || student) on the graphs of the step with "
            "the lowest L. 2500 steps, decay every 1000, 400 epochs",
            "official_code": "structures of the best step under the features of the last, dropout 0.5 on the student's "
            "logits; its script runs 1500 steps, decay every 700, 300 epochs, which are to be set. (Its GIN counts a "
            "node twice, and an exported node without out-arcs loses its loop: not followed.)",
        },
        training_data=False,
    ),
    MethodInfo(
        name="random-graphs",
        title="Random graphs (RandG)",
        paper="Graph-Free Knowledge Distillation for Graph Neural Networks (its baseline)",
        venue="IJCAI",
        year=2021,
        url="https://arxiv.org/abs/2105.07519",
        family="data-free",
        target="graph_distillery.methods.gfkd.method:RandomGraphs",
        tasks=("graph-classification",),
        students=("gnn",),
        variants={"paper": "T^2 KL on random structures under random features, the starting point of gfkd"},
        training_data=False,
    ),
    MethodInfo(
        name="deep-inversion",
        title="DeepInversion on random structures (DeepInvG)",
        paper="Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, as a baseline of GFKD",
        venue="CVPR",
        year=2020,
        url="https://arxiv.org/abs/1912.08795",
        family="data-free",
        target="graph_distillery.methods.gfkd.method:DeepInversionGraphs",
        tasks=("graph-classification",),
        students=("gnn",),
        variants={"paper": "as gfkd, but the structures stay as they were drawn"},
        training_data=False,
    ),
]
