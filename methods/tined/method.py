"""TINED (Zhou et al., ICML 2025, section 4): teacher injection and Dirichlet energy distillation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, OptimiserSettings, Output, Update, adam
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters
from graph_distillery.methods.losses.dirichlet import dirichlet_energy, laplacian
from graph_distillery.methods.tined.layers import energy_ratio, teacher_layers, teacher_ratios


class TINEDHyperparameters(GLNNHyperparameters):
    inject: bool = Field(True, description="start from the teacher's weights and biases")
    start: Literal["identity", "random"] = Field(
        "identity", description="start of the layers that stand for a propagation"
    )
    rate_ratio: float = Field(1.0, gt=0, description="eta, learning rate of injected layers over that of the others")
    energy_weight: float = Field(1.0, ge=0, description="beta, weight of the energies")
    energy_form: Literal["log", "ratio"] = Field("log", description="whether ratios or their logarithms are compared")
    edge_share: float = Field(1.0, gt=0, le=1, description="share of the arcs that the student's energies are of")


class TINED(GLNNForm[TINEDHyperparameters]):
    """(1 - lambda) KL + lambda CE + beta sum_l (log R_s,l - log R_t,l)^2, R_l = E(output of l) / E(input of l).

    E is the Dirichlet energy of normalised rows (`losses.dirichlet`), l runs over the student's layers: for each of
    the teacher's P x W + b one that starts from W and b and one, square, in the place of P, in the order in which the
    teacher runs them. Outputs are those before norm and activation. Without injection, with random starts and beta 0
    it is `glnn` with a student of these widths.
    """

    Hyperparameters = TINEDHyperparameters

    def setup(self) -> None:
        super().setup()
        self.energies_alone = False
        self._start()
        if self.hyper.energy_weight > 0:
            (teacher,) = self.teachers
            data = self.context.data
            assert data is not None
            self.target = teacher_ratios(teacher, teacher_layers(teacher))
            with torch.no_grad():
                self.of_arcs = _squared_differences(data.graph)

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        widths = [width for layer in teacher_layers(self.teachers[0]) for width in layer.widths]
        of_hidden = "-".join(map(str, widths[:-1]))
        return super().new_student(num_features, layers=len(widths), widths=of_hidden, residual=False, **hyper)

    @property
    def layers(self) -> list[Any]:
        """The student's layers, nearest the input first."""
        assert self.student is not None
        return list(self.student.layers)  # type: ignore[arg-type]

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Of each of the teacher's layers the student's in the place of its weight, and of its propagation."""
        of_student = iter(self.layers)
        for layer in teacher_layers(self.teachers[0]):
            first, second = next(of_student), next(of_student)
            yield (second, first) if layer.propagates_first else (first, second)

    @torch.no_grad()
    def _start(self) -> None:
        for layer, (weight, propagation) in zip(teacher_layers(self.teachers[0]), self.pairs(), strict=True):
            if self.hyper.inject:
                weight.linear.weight.copy_(layer.weight)
                weight.linear.bias.copy_(layer.bias)
            if self.hyper.start == "identity":
                nn.init.eye_(propagation.linear.weight)
                nn.init.zeros_(propagation.linear.bias)

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        if not self.hyper.inject or self.hyper.rate_ratio == 1:
            return super().optimizers(settings)
        injected = [each for weight, _ in self.pairs() for each in weight.parameters()]
        held = {id(each) for each in injected}
        rest = [each for each in self.parameters() if id(each) not in held]
        rate = settings.lr * self.hyper.rate_ratio
        return [adam([{"params": rest}, {"params": injected, "lr": rate}], settings)]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        yield from super().batches(source)
        if self.context.variant == "official_code" and self.hyper.energy_weight > 0:
            data = self.context.data
            assert data is not None
            self.energies_alone = True
            everything = torch.arange(data.num_items, device=data.graph.device)
            yield Batch(data.graph, everything, data.labelled, data.labels)
            self.energies_alone = False

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        return update({"energies": self.energies()}) if self.energies_alone else super().step(batch, update)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = super().loss(batch, student)
        if self.context.variant != "official_code" and self.hyper.energy_weight > 0:
            terms["energies"] = self.energies()
        return terms

    def energies(self) -> Tensor:
        """beta times the squared differences of the energy ratios, on all arcs of the observed graph or on a share."""
        hyper, half = self.hyper, 0.5 if self.context.variant == "official_code" else 1.0
        own, target = self.ratios(), self.target
        if hyper.energy_form == "log":
            gap = half * (own.log() - target.log())
        else:
            gap = own.pow(half) - target.pow(half)
        return hyper.energy_weight * gap.square().sum()

    def ratios(self) -> Tensor:
        """[student's layers], the energy ratio of each, with gradients.

        Of a share of the arcs so small that most nodes are at the end of none, the others alone are passed through the
        student; a ratio of energies knows no number of nodes.
        """
        data = self.context.data
        assert data is not None
        graph, arcs, of_arcs = data.graph, data.graph.edge_index, self.of_arcs
        matrix = None
        if self.hyper.edge_share == 1:
            matrix = laplacian(graph, of_arcs.dtype)
        else:
            count = max(1, int(self.hyper.edge_share * arcs.shape[1]))
            chosen = torch.randperm(arcs.shape[1], device=arcs.device)[:count]
            arcs, of_arcs = arcs[:, chosen], of_arcs[chosen]
            if arcs.numel() >= graph.num_nodes:
                matrix = laplacian(graph, of_arcs.dtype, chosen)
            else:
                nodes, arcs = arcs.unique(return_inverse=True)
                graph = graph.rows(nodes)
        with _passes(self.layers) as seen:
            self(graph)
        found = []
        for depth, (read, made) in enumerate(seen):
            before = dirichlet_energy(read, arcs, matrix) if depth else of_arcs.sum() / graph.num_nodes
            found.append(energy_ratio(before, dirichlet_energy(made, arcs, matrix)))
        return torch.stack(found)


def _squared_differences(graph: Graph) -> Tensor:
    """[arcs]: of each arc the squared distance of its ends' features, of length 1."""
    features = torch.nn.functional.normalize(graph.dense_features(), dim=1, eps=1e-30)
    parts = graph.edge_index.split(max(1, (1 << 22) // max(graph.num_features, 1)), dim=1)
    found = [(features[part[0]] - features[part[1]]).square().sum(dim=1) for part in parts]
    return torch.cat(found) if found else features.new_zeros(0)


@contextmanager
def _passes(layers: Sequence[nn.Module]) -> Iterator[list[tuple[Any, Tensor]]]:
    """What every layer reads and returns in the forward passes within the block."""
    seen: list[tuple[Any, Tensor]] = []
    with ExitStack() as stack:
        for layer in layers:
            handle = layer.register_forward_hook(lambda module, given, made: seen.append((given[1], made)))
            stack.callback(handle.remove)
        yield seen
