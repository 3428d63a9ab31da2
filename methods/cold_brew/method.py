"""Cold Brew (Zheng et al., ICLR 2022, section 4.2): an MLP that looks up neighbours for nodes without any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import (
    Batch,
    BatchSource,
    Hyperparameters,
    Method,
    OptimiserSettings,
    Output,
    Update,
    adam,
)
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.structural_embeddings.method import Layers

#: Width of the guess's hidden layer, and what both parts are multiplied by at the start.
_WIDTH, _START = 256, 1e-4
#: Similarities that are held at once.
_HELD = 1 << 24


class ColdBrewHyperparameters(Hyperparameters):
    top: int = Field(3, ge=0, le=1000, description="K, how many nodes are looked up; 0: none")
    guess: bool = Field(True, description="whether the guess itself stands beside the features")
    guess_steps: int = Field(1500, ge=0, description="steps of the guess before the student's first")
    guess_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of the guess's hidden layer")
    teacher_weight: float = Field(32.0, ge=0, description="of the norm of the teacher's structural embeddings")
    teacher_layers: Layers = Field("first", description="the teacher's layers that have structural embeddings")


class Guess(nn.Module):
    """[nodes, features] -> [nodes, width]: linear, LayerNorm, GELU, dropout, linear."""

    def __init__(self, features: int, width: int, rate: float) -> None:
        super().__init__()
        self.rate = rate
        first = nn.Linear(features, _WIDTH)
        self.weight = nn.Parameter(first.weight.detach().T.contiguous())  # as a product with sparse features reads it
        self.bias = nn.Parameter(first.bias.detach())
        self.norm, self.last = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, width)

    def forward(self, graph: Graph) -> Tensor:
        state = F.gelu(self.norm(graph.features @ self.weight + self.bias))
        found: Tensor = self.last(dropout(state, self.rate, self.training))
        return found


class ColdBrew(Method[ColdBrewHyperparameters]):
    """CE of a student that reads [x | b sum_j softmax_j(<g, E_j>) E_j | a g], j over the K greatest <g, E_j>.

    g guesses a node's embedding from x; it is trained first, by its squared error, and is a constant to the student.
    E_j are the embeddings of all observed nodes: the outputs of every layer of a teacher with structural embeddings,
    side by side. a and b are trained.
    """

    Hyperparameters = ColdBrewHyperparameters
    predicts_by_item = True
    quick: ClassVar[Mapping[str, Any]] = {"guess_steps": 3}
    epoch_items = "labelled"
    bank: Tensor

    def setup(self) -> None:
        hyper, device = self.hyper, self.context.device
        self.guessed = False
        self.helped = hyper.top > 0 or hyper.guess
        if not self.helped:
            return
        bank = self._embeddings()
        self.register_buffer("bank", bank)
        self.guess = Guess(self.context.num_features, bank.shape[1], hyper.guess_dropout).to(device)
        if hyper.guess or self.context.variant == "official_code":
            self.of_guess = nn.Parameter(torch.tensor(_START, device=device))
        if hyper.top > 0:
            self.of_neighbours = nn.Parameter(torch.tensor(_START, device=device))

    def _embeddings(self) -> Tensor:
        """[observed nodes, width], the outputs of every layer of the teacher."""
        teacher = self.context.teachers[0]
        return torch.cat([*teacher.hidden, teacher.logits], dim=1).detach().clone()

    def new_student(self, num_features: int | None = None, **hyper: Any) -> nn.Module:
        parts = (self.hyper.top > 0) + self.hyper.guess
        added = parts * self._embeddings().shape[1] if parts else 0
        return super().new_student((num_features or self.context.num_features) + added, **hyper)

    def forward(self, graph: Graph) -> Output:
        if not self.helped:
            return super().forward(graph)
        with torch.no_grad():
            guess = self.guess(graph)
        parts = [graph.dense_features()]
        if self.hyper.top > 0:
            official = self.context.variant == "official_code"
            asked = guess * self.of_guess.detach() if official else guess
            parts.append(self.of_neighbours * looked_up(asked, self.bank, self.hyper.top))
        if self.hyper.guess:
            parts.append(self.of_guess * guess)
        return super().forward(graph.with_features(torch.cat(parts, dim=1)))

    def inference_modules(self) -> Sequence[nn.Module]:
        return super().inference_modules() if not self.helped else [*super().inference_modules(), self.guess]

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        if not self.helped:
            return super().optimizers(settings)
        first = list(self.guess.parameters())
        held = {id(each) for each in first}
        return [adam([each for each in self.parameters() if id(each) not in held], settings), adam(first, settings)]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if self.helped and not self.guessed:
            self._learn_from = source
        return super().batches(source)

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if self.helped and not self.guessed:
            self._learn_to_guess(update)
            self.guessed = True
        return super().step(batch, update)

    def _learn_to_guess(self, update: Update) -> None:
        items = "labelled" if self.context.variant == "official_code" else "observed"
        done = 0
        while done < self.hyper.guess_steps:
            for batch in self._learn_from.epoch(items):  # type: ignore[arg-type]
                update({"guess": F.mse_loss(self.guess(batch.graph), self.bank[batch.items])}, optimizer=1)
                done += 1
                if done == self.hyper.guess_steps:
                    break

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}


def looked_up(asked: Tensor, bank: Tensor, top: int) -> Tensor:
    """[rows, width]: of each row the mean of the `top` rows of the bank with the greatest inner products, by softmax.

    asked: [rows, width]; bank: [known, width]. No gradient.
    """
    found = []
    with torch.no_grad():
        for part in asked.split(max(1, _HELD // max(bank.shape[0], 1))):
            products, which = (part @ bank.T).topk(min(top, bank.shape[0]), dim=1)
            found.append((products.softmax(dim=1)[:, :, None] * bank[which]).sum(dim=1))
    return torch.cat(found)
