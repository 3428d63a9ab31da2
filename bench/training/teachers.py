"""Teachers as artefacts: weights, logits, hidden states, the arcs of a model that builds its own graphs, and what the
method that made them hands on."""

from __future__ import annotations

import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.artefacts import Artefact, pack
from graph_distillery.bench.training.engine import Configuration, Trained
from graph_distillery.bench.training.inference import layerwise
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher


def pack_teacher(teacher_id: str, trained: Trained, configuration: Configuration) -> Artefact:
    """Weights and outputs on the observed graph, computed once, and what the method hands on."""
    student = trained.method.student
    assert student is not None
    with torch.inference_mode():
        output = layerwise.predict(trained.method, trained.problem.training.graph)
    tensors: dict[str, Tensor] = {f"weights.{name}": value for name, value in student.state_dict().items()}
    tensors["logits"] = output.logits
    tensors |= {f"hidden.{depth}": state for depth, state in enumerate(output.hidden)}
    tensors |= {f"edges.{depth}": arcs.int() for depth, arcs in enumerate(output.edges)}
    tensors |= {f"whole.{name}": value for name, value in trained.method.handed_on().items()}
    facts = {
        "model": configuration.student,
        "hyperparameters": dict(configuration.student_hyper),
        "seed": trained.seed,
        "validation": trained.validation,
        "epochs": trained.epochs,
        "train_s": trained.train_s,
        "dataset_sha256": trained.problem.identity.dataset_sha256,
        "node_order_sha256": trained.problem.identity.node_order_sha256,
    }
    return pack(teacher_id, tensors, facts)


def unpack_teacher(artefact: Artefact, problem: Problem) -> Teacher:
    """The teacher's view of the problem it was trained on.

    Raises:
        UserError: the artefact was made on other data, or cannot be read.
    """
    from graph_distillery.bench.models.base import attribute_width, build_model

    facts = artefact.facts
    for name in ("dataset_sha256", "node_order_sha256"):
        if facts[name] != getattr(problem.identity, name):
            raise UserError(f"teacher {artefact.id}: its {name} is not that of dataset {problem.key.dataset!r}")
    device = problem.training.graph.device
    tensors = {name: value.to(device) for name, value in artefact.unpacked("teacher").items()}
    configuration = Configuration("supervised", student=facts["model"], student_hyper=facts["hyperparameters"])
    data = problem.training
    model = build_model(
        configuration.student or "",
        data.graph.num_features,
        data.task.num_classes,
        configuration.model_hyper,
        data.task.level,
        data.graph.num_nodes,
        attribute_width(data.graph),
        data.graph.types,
    ).to(device)
    weights = {name.removeprefix("weights."): value for name, value in tensors.items() if name.startswith("weights.")}
    whole = {name.removeprefix("whole."): value for name, value in tensors.items() if name.startswith("whole.")}
    depths, graphs = (sum(1 for name in tensors if name.startswith(kind)) for kind in ("hidden.", "edges."))
    try:
        model.load_state_dict(weights)
        logits, hidden = tensors["logits"], tuple(tensors[f"hidden.{depth}"] for depth in range(depths))
        edges = tuple(tensors[f"edges.{depth}"].long() for depth in range(graphs))
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())
        raise UserError(f"teacher {artefact.id}: its tensors are not those of a {facts['model']}: {cause}") from None
    model.eval().requires_grad_(False)
    return Teacher(str(facts["model"]), logits, hidden, data.graph, model, edges, whole)
