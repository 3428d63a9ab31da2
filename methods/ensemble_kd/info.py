"""What there is to know of `ensemble-kd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="ensemble-kd",
    title="Knowledge distillation from an ensemble",
    paper="Distilling the Knowledge in a Neural Network",
    venue="NIPS workshop",
    year=2015,
    url="https://arxiv.org/abs/1503.02531",
    family="several teachers",
    target=".method:EnsembleKD",
    tasks=ANY_TASK,
    teacher="many",
    variants={
        "paper": "kd from the mean of the teachers' predictions: what every method of several teachers is measured "
        "against. The paper allows the arithmetic mean of the distributions and the geometric one, the softmax of the "
        "mean logits; here the arithmetic one unless told otherwise",
    },
    own_term={"alpha": 0.0},
)
