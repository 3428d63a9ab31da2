"""Teachers: trained once, content-addressed, kept as safetensors beside what they saw.

An artefact is `teachers/<id>/` in a store: `teacher.safetensors` (weights, logits, hidden states, and the
arcs of a model that builds its own graphs) and `teacher.json` (what made it). It is written whole or not at all, and
no pickle is ever read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import is_id
from graph_distillery.bench.training.engine import Configuration, Trained
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher


@dataclass(frozen=True)
class TeacherArtefact:
    """A trained teacher as bytes that travel between processes.

    tensors: safetensors bytes; facts: JSON-able description (configuration, seed, scores, seconds).
    """

    id: str
    tensors: bytes
    facts: Mapping[str, Any]


def pack_teacher(teacher_id: str, trained: Trained, configuration: Configuration) -> TeacherArtefact:
    """Weights and outputs on the observed graph, computed once."""
    student = trained.method.student
    assert student is not None
    with torch.inference_mode():
        output = trained.method.predict(trained.problem.training.graph)
    tensors: dict[str, Tensor] = {f"weights.{name}": value for name, value in student.state_dict().items()}
    tensors["logits"] = output.logits
    tensors |= {f"hidden.{depth}": state for depth, state in enumerate(output.hidden)}
    tensors |= {f"edges.{depth}": arcs.int() for depth, arcs in enumerate(output.edges)}
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
    return TeacherArtefact(
        teacher_id, save_tensors({name: value.contiguous().cpu() for name, value in tensors.items()}), facts
    )


def unpack_teacher(artefact: TeacherArtefact, problem: Problem) -> Teacher:
    """The teacher's view of the problem it was trained on.

    Raises:
        UserError: the artefact was made on other data, or cannot be read.
    """
    from graph_distillery.bench.models.base import build_model

    facts = artefact.facts
    for name in ("dataset_sha256", "node_order_sha256"):
        if facts[name] != getattr(problem.identity, name):
            raise UserError(f"teacher {artefact.id}: its {name} is not that of dataset {problem.key.dataset!r}")
    device = problem.training.graph.device
    try:
        tensors = {name: value.to(device) for name, value in load_tensors(artefact.tensors).items()}
    except SafetensorError as error:
        raise UserError(f"teacher {artefact.id}: teacher.safetensors cannot be read: {error}") from None
    configuration = Configuration("supervised", student=facts["model"], student_hyper=facts["hyperparameters"])
    data = problem.training
    model = build_model(
        configuration.student or "",
        data.graph.num_features,
        data.task.num_classes,
        configuration.model_hyper,
        data.task.level,
        data.graph.num_nodes,
    ).to(device)
    weights = {name.removeprefix("weights."): value for name, value in tensors.items() if name.startswith("weights.")}
    depths, graphs = (sum(1 for name in tensors if name.startswith(kind)) for kind in ("hidden.", "edges."))
    try:
        model.load_state_dict(weights)
        logits, hidden = tensors["logits"], tuple(tensors[f"hidden.{depth}"] for depth in range(depths))
        edges = tuple(tensors[f"edges.{depth}"].long() for depth in range(graphs))
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())
        raise UserError(f"teacher {artefact.id}: its tensors are not those of a {facts['model']}: {cause}") from None
    model.eval().requires_grad_(False)
    return Teacher(str(facts["model"]), logits, hidden, data.graph, model, edges)


#: What `unpack_teacher` reads of the facts, and the checksum.
_NEEDED = {"sha256", "model", "hyperparameters", "dataset_sha256", "node_order_sha256"}


class TeacherCache:
    """The `teachers/` folder of a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _place(self, teacher_id: str) -> Path:
        if not is_id(teacher_id):
            raise UserError(f"teacher id {teacher_id!r} is not 16 hex digits")
        return self.folder / teacher_id

    def has(self, teacher_id: str) -> bool:
        return (self._place(teacher_id) / "teacher.json").is_file()

    def save(self, artefact: TeacherArtefact) -> None:
        """Write whole or not at all; a second writer of the same teacher waits, then finds it there."""
        place = self._place(artefact.id)
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{artefact.id}.lock"):
            if self.has(artefact.id):
                return
            draft = Path(tempfile.mkdtemp(prefix=f".{artefact.id}-", dir=self.folder))
            try:
                _write(draft / "teacher.safetensors", artefact.tensors)
                checksum = hashlib.sha256(artefact.tensors).hexdigest()
                facts = {"id": artefact.id, "sha256": checksum, **artefact.facts}
                _write(draft / "teacher.json", json.dumps(facts, indent=1, sort_keys=True).encode())
                if place.exists():  # a folder without teacher.json is the leftover of nothing we wrote
                    shutil.rmtree(place)
                os.replace(draft, place)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise

    def load(self, teacher_id: str) -> TeacherArtefact:
        """Read one teacher.

        Raises:
            UserError: it is not there, or its bytes are not those that were written.
        """
        place = self._place(teacher_id)
        try:
            facts = json.loads((place / "teacher.json").read_text(encoding="utf-8"))
            tensors = (place / "teacher.safetensors").read_bytes()
            if not isinstance(facts, dict) or not facts.keys() >= _NEEDED:
                raise ValueError(f"teacher.json lacks {', '.join(sorted(_NEEDED))}")
        except (OSError, ValueError) as error:
            raise UserError(f"teacher {teacher_id}: cannot be read from {place.name}: {error}") from None
        if hashlib.sha256(tensors).hexdigest() != facts["sha256"]:
            raise UserError(
                f"teacher {teacher_id}: teacher.safetensors is not the file that was written; delete {place}"
            )
        return TeacherArtefact(teacher_id, tensors, facts)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
