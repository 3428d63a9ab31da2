"""A sweep as most public code writes it: a function trainable per trial, PyG's layers, dense features, no reuse."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from ray import tune
from torch import Tensor, nn


@dataclass(frozen=True)
class PlainData:
    """Cora as dense tensors, and the teacher's logits by seed, trained and cached beforehand."""

    x: Tensor
    edge_index: Tensor
    labels: Tensor
    labelled: Tensor
    validation: Tensor
    validation_labels: Tensor
    teachers: Mapping[int, Tensor]
    classes: int


def plain_sweep(
    configurations: Sequence[Mapping[str, Any]], data: PlainData, epochs: int, patience: int, slots: int
) -> float:
    """Seconds of all trials, `slots` at once on the Ray that this process is connected to.

    A configuration has alpha, tau, node_set, lr, weight_decay and dropout; each is trained on every teacher's seed.
    """

    def trial(config: dict[str, Any], data: PlainData) -> None:
        torch.set_num_threads(1)
        for seed, teacher in data.teachers.items():
            score = _train(config["trial"], data, teacher, seed, epochs, patience)
            tune.report({"accuracy": score, "seed": seed})

    scratch = tempfile.mkdtemp(prefix="distillery-perf-")
    try:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(trial, data=data), {"cpu": 1}),
            param_space={"trial": tune.grid_search([dict(configuration) for configuration in configurations])},
            tune_config=tune.TuneConfig(max_concurrent_trials=slots, reuse_actors=False),
            run_config=tune.RunConfig(storage_path=scratch, verbose=0),
        )
        start = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - start
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if results.num_errors:
        raise RuntimeError(f"{results.num_errors} trials of the plain sweep failed: {results.errors[0]}")
    return seconds


def _train(config: Mapping[str, Any], data: PlainData, teacher: Tensor, seed: int, epochs: int, patience: int) -> float:
    from torch_geometric.nn import GCNConv

    class GCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = GCNConv(data.x.shape[1], 64)
            self.second = GCNConv(64, data.classes)

        def forward(self, x: Tensor) -> Tensor:
            x = F.dropout(x, config["dropout"], self.training)
            x = F.dropout(F.relu(self.first(x, data.edge_index)), config["dropout"], self.training)
            out: Tensor = self.second(x, data.edge_index)
            return out

    torch.manual_seed(seed)
    model = GCN()
    optimizer = torch.optim.Adam(model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"])
    alpha, tau = config["alpha"], config["tau"]
    soft_target = F.log_softmax(teacher / tau, dim=-1)
    nodes = torch.arange(data.x.shape[0])
    if config["node_set"] == "labelled":
        nodes = data.labelled
    elif config["node_set"] == "unlabelled":
        nodes = nodes[~torch.isin(nodes, data.labelled)]
    best, waited, kept = -1.0, 0, {}
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        logits = model(data.x)
        soft = F.kl_div(
            F.log_softmax(logits[nodes] / tau, dim=-1), soft_target[nodes], reduction="batchmean", log_target=True
        )
        loss = (1 - alpha) * F.cross_entropy(logits[data.labelled], data.labels) + alpha * tau**2 * soft
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted = model(data.x)[data.validation].argmax(dim=-1)
        score = float((predicted == data.validation_labels).float().mean())
        if score > best:
            best, waited = score, 0
            kept = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            waited += 1
        if patience and waited >= patience:
            break
    model.load_state_dict(kept)
    return best
