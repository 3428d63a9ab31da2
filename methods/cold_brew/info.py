"""What there is to know of `cold-brew` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="cold-brew",
    title="Cold Brew",
    paper="Cold Brew: Distilling Graph Node Representations with Incomplete or Missing Neighborhoods",
    venue="ICLR",
    year=2022,
    url="https://arxiv.org/abs/2111.04840",
    family="cold start",
    target=".method:ColdBrew",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "the embedding of a node is guessed from its features, its nearest among the teacher's are looked up, "
        "and both stand beside the features, on which the student learns the labels; no soft labels. The guess learns "
        "from all observed nodes. Inference reads the features and the teacher's embeddings of all observed nodes. "
        "Traps: the teacher is trained anew with structural embeddings (see `info structural-embeddings`), which the "
        "released command of the student leaves out; that code has no validation set, keeps the teacher of the best "
        "test score, and its 72.5 is on nodes that lost their edges, as under the split `isolation`",
        "official_code": "the guess learns from labelled nodes alone, and its nearest are found after it was scaled by "
        "the weight that starts at 0.0001, so that they all count alike at first, and are the farthest where that "
        "weight turns negative",
    },
    own_term={"top": 0, "guess": False},
    derived_teacher="structural-embeddings",
)
