"""What there is to know of `pruning` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import UNTRAINED, MethodInfo

INFO = MethodInfo(
    name="pruning",
    title="Pruned teacher",
    paper="Distilling Knowledge from Sparse Teacher Networks",
    venue="ECML-PKDD",
    year=2022,
    url="https://arxiv.org/abs/2207.00586",
    family="pruning",
    target=".method:Pruning",
    tasks=("node-classification", "graph-classification"),
    variants={
        "paper": "of all weight matrices together, exactly the given share with the smallest scores is masked, and the "
        "rest is trained again for as long as the teacher was. Scores: prue |w dS/dw|, S how far the probabilities of "
        "the labels lie from their class's mean; magnitude |w|; snip |w dCE/dw|; random. Trap: where features never "
        "fire (bag of words) or units are dead, scores are 0, so that pruning first removes rows nobody reads; "
        "layers: hidden spares the first layer",
        "official_code": "whatever scores no more than the share's greatest is masked, ties too: with many zero scores "
        "more than the share",
    },
    own_term={"ratio": 0.0},
    without_own_term=UNTRAINED,
    retrains_teacher=True,
)
