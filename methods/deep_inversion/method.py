"""DeepInvG, DeepInversion (Yin et al., CVPR 2020) on random structures, a baseline of GFKD's tables."""

from __future__ import annotations

from graph_distillery.methods.gfkd.method import DeepInversionHyperparameters, InvertedGraphs


class DeepInversionGraphs(InvertedGraphs[DeepInversionHyperparameters]):
    """DeepInvG of Deng and Zhang (2021): random structures, features by inversion of the teacher.

    min over features of CE(teacher, target) + bn_weight * distance of the batch norms' statistics + one_hot_weight *
    entropy. Where features follow from the degree there is nothing to learn, and it is `random-graphs`.
    """

    Hyperparameters = DeepInversionHyperparameters

    def iterations(self) -> int:
        return super().iterations() if self.hyper.features == "one-hot" else 0
