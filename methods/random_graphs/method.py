"""RandG, the starting point of GFKD and a baseline of its tables."""

from __future__ import annotations

from graph_distillery.methods.gfkd.method import FakeGraphs, RandomGraphsHyperparameters


class RandomGraphs(FakeGraphs[RandomGraphsHyperparameters]):
    """RandG of Deng and Zhang (2021): random structures, an arc in every other place, under random one-hot features."""

    Hyperparameters = RandomGraphsHyperparameters
