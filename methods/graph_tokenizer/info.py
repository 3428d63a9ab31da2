"""What there is to know of `graph-tokenizer` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="graph-tokenizer",
    title="Graph tokenizer",
    paper="VQGraph: Rethinking Graph Representation Space for Bridging GNNs and MLPs",
    venue="ICLR",
    year=2024,
    url="https://arxiv.org/abs/2308.02117",
    family="GNN to MLP",
    target=".method:GraphTokenizer",
    tasks=("node-classification",),
    students=("gnn",),
    variants={
        "paper": "a network whose first hidden states are replaced by the nearest codes, by cosine, before its second "
        "layer; it learns the labels, to make its own states and the adjacency matrix again from the codes, and to "
        "stay near them; codes are running means of what they stand for. Written after the released code, as the "
        "paper's text was not at hand. That code's codes are as wide as the features and its SAGE reads sampled "
        "blocks with their arcs doubled; here they are as wide as the hidden states, and the network reads the whole "
        "graph. Traps: codes start in all directions and states behind ReLU lie in one orthant, so that most "
        "codes stand for nobody, and those never move; the network alone, which is what is kept of it, is not the "
        "teacher: its outputs are. An open question to the authors: it classifies worse than the network without codes",
    },
    own_term={"codes": 0},
    status="reconstructed",
    below_alone="its second layer reads codes in place of the hidden states, which with the terms that train the codes "
    "is all that sets it apart; it is trained to be vqgraph's teacher, not to classify best",
)
