"""What there is to know of `hire` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import TYPED_TASKS, MethodInfo

INFO = MethodInfo(
    name="hire",
    title="High-order relational distillation",
    paper="HIRE: Distilling High-order Relational Knowledge From Heterogeneous Graph Neural Networks",
    venue="Neurocomputing",
    year=2022,
    url="https://arxiv.org/abs/2207.11887",
    family="relations",
    target=".method:HIRE",
    tasks=TYPED_TASKS,
    variants={
        "paper": "reconstructed from its abstract, the only text read: softened logits of the items, and correlations "
        "among node types as cosines of the types' mean last hidden states. The weights are ours, and MLP students are "
        "not in the paper",
        "metapaths": "correlations among meta-paths in the place of types: of what each gathers where both networks "
        "show that, and else of means of the last hidden state over the neighbours through each type of nodes",
        "edge-types": "correlations among edge types: of the mean product of both ends' last hidden states",
    },
    own_term={"beta": 0.0},
    without_own_term="kd",
    status="reconstructed",
)
