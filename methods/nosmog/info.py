"""What there is to know of `nosmog` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="nosmog",
    title="Noise-robust structure-aware MLPs on graphs",
    paper="Learning MLPs on Graphs: A Unified View of Effectiveness, Robustness, and Efficiency",
    venue="ICLR",
    year=2023,
    url="https://arxiv.org/abs/2208.10010",
    family="GNN to MLP",
    target=".method:NOSMOG",
    tasks=("node-classification",),
    students=("mlp",),
    inference="positions",
    variants={
        "paper": "one weighted sum of all terms a step, similarities of the states after the activation. Traps: a new "
        "node's position is the mean of its observed neighbours', so that inference reads their edges; similarities "
        "are of states as long as they are, so that their weight means another thing for every teacher; on the Amazon "
        "graphs it is 1e-9, which switches them off. At Cora's 0.1 they can end a run: they are of fourth order in the "
        "states and begin at 42 where the divergence is 1.2, and in one of ten seeds (cpf, SAGE: seed 6) the third "
        "step overshot to 771, a quarter of the hidden units died, the first epoch stayed the best and the test was "
        "44 %; with weight 0 the same seed validates at 81 %. Positions by negative sampling, where the release has a "
        "hierarchical softmax besides; one encoding of the observed graph for all seeds that share it",
        "official_code": "steps on the labels and on the teacher apart, as glnn's, each with its own perturbation; "
        "similarities of the states before the activation on both sides, the student's under dropout. (In the "
        "inductive setting the release pairs the states of other nodes, numbered in the whole graph; here they are "
        "the node's own)",
    },
    own_term={"adversarial_weight": 0.0, "similarity_weight": 0.0, "position": "none"},
    without_own_term="glnn",
    artefacts=("positions",),
)
