"""What there is to know of `plp` before it is loaded."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo

INFO = ModelInfo(
    name="plp",
    title="Parameterised label propagation",
    paper="Extract the Knowledge of Graph Neural Networks and Go Beyond it",
    venue="WWW",
    year=2021,
    url="https://arxiv.org/abs/2103.02885",
    kind="gnn",
    graphs="untyped",
    target=".model:PLP",
    settings=("transductive",),  # weights for each node of the training graph
    computes="`steps` times h_i = ReLU(s(b_i) sum over j in N(i) and i of a_ij h_j + s(-b_i) MLP(x_i)), s the sigmoid, "
    "b_i a weight of node i; a_ij the softmax over j of v . x_j (attention: features) or of a weight of j (nodes); "
    "h starts uniform, and one-hot where labels are given, which never changes",
)
