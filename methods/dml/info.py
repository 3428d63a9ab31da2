"""What there is to know of `dml` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ANY_TASK, MethodInfo

INFO = MethodInfo(
    name="dml",
    title="Deep mutual learning",
    paper="Deep Mutual Learning",
    venue="CVPR",
    year=2018,
    url="https://arxiv.org/abs/1706.00384",
    family="online",
    target=".method:DML",
    tasks=ANY_TASK,
    teacher="none",
    variants={
        "paper": "each peer: labels + the mean KL from every other peer's prediction; peers move one after the other, "
        "and each prediction is made anew once its peer has moved (update: joint leaves them as they were). Scores "
        "are the mean over peers, never the best one's; on graphs the divergence acts on every observed item",
    },
    own_term={"students": 1},
)
