"""Teachers as artefacts: what is packed comes back, what was damaged is refused, and writers do not collide."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import save as save_tensors

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.artefacts import Artefact, teacher_cache
from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.problem import Problem, ProblemKey, load_problem
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher

ID = "0123456789abcdef"
NODES = ProblemKey("karate", "public", "transductive")
GRAPHS = ProblemKey("motifs", "holdout-70-30", "graph-level")


def trained(key: ProblemKey, model: str) -> tuple[Artefact, Problem]:
    hyper = {"hidden": 8, "layers": 3, "epochs": 3, "norm": "batch"}
    configuration = Configuration("supervised", student=model, student_hyper=hyper)
    problem = load_problem(key, 0)
    (run,) = train(configuration, [0], lambda _: problem, lambda _: ())
    return pack_teacher(ID, run, configuration), problem


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return trained(NODES, "gcn")[0]


@pytest.mark.parametrize(("key", "model"), [(NODES, "gcn"), (NODES, "mlp"), (GRAPHS, "gin")], ids=str)
def test_what_was_packed_comes_back(key: ProblemKey, model: str, tmp_path: Path) -> None:
    """Through a store: weights, logits and every hidden state, to the bit; and frozen."""
    packed, problem = trained(key, model)
    cache = teacher_cache(tmp_path)
    assert not cache.has(ID)
    cache.save(packed)
    assert cache.has(ID)
    teacher = unpack_teacher(cache.load(ID), problem)
    assert teacher.model is not None
    assert not teacher.model.training
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())
    with torch.inference_mode():
        output = teacher.model(problem.training.graph)
    assert torch.equal(output.logits, teacher.logits)
    assert len(output.hidden) == len(teacher.hidden) == 2
    assert all(torch.equal(one, other) for one, other in zip(output.hidden, teacher.hidden, strict=True))
    again = unpack_teacher(packed, problem)
    assert torch.equal(again.logits, teacher.logits)


def test_a_teacher_belongs_to_its_data(artefact: Artefact) -> None:
    problem = load_problem(NODES, 0)
    other = replace(problem, identity=replace(problem.identity, node_order_sha256="0" * 64))
    with pytest.raises(UserError, match=f"teacher {ID}: its node_order_sha256 is not that of dataset 'karate'"):
        unpack_teacher(artefact, other)


@pytest.mark.parametrize("where", [0, 9, 200, -1])
def test_a_flipped_byte_is_found(artefact: Artefact, tmp_path: Path, where: int) -> None:
    cache = teacher_cache(tmp_path)
    cache.save(artefact)
    file = tmp_path / ID / "teacher.safetensors"
    content = bytearray(file.read_bytes())
    content[where] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"teacher {ID}: teacher.safetensors is not the file that was written") as told:
        cache.load(ID)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("facts", ["", "[]", "{}", '"text"', '{"sha256": "x", "model": "gcn"}', "\x00"])
def test_facts_that_are_none(artefact: Artefact, tmp_path: Path, facts: str) -> None:
    cache = teacher_cache(tmp_path)
    cache.save(artefact)
    (tmp_path / ID / "teacher.json").write_text(facts)
    with pytest.raises(UserError, match=f"^teacher {ID}: cannot be read") as told:
        cache.load(ID)
    assert "\n" not in str(told.value)


def test_tensors_that_are_none(artefact: Artefact) -> None:
    problem = load_problem(NODES, 0)
    with pytest.raises(UserError, match=f"teacher {ID}: teacher.safetensors cannot be read"):
        unpack_teacher(replace(artefact, tensors=b"not safetensors at all"), problem)
    other = save_tensors({"weights.layers.0.bias": torch.zeros(3), "logits": torch.zeros(34, 4)})
    with pytest.raises(UserError, match=f"teacher {ID}: ") as told:
        unpack_teacher(replace(artefact, tensors=other), problem)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["../x", "", ".", "..", f"../{ID}", f"{ID}\n", ID.upper(), ID[:-1], f"{ID}/.."])
def test_ids_that_are_paths_are_refused(artefact: Artefact, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "teachers"
    cache = teacher_cache(folder)
    for act in (cache.has, cache.load, lambda _: cache.save(replace(artefact, id=name))):
        with pytest.raises(UserError, match="is not 16 hex digits"):
            act(name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_facts_is_replaced(artefact: Artefact, tmp_path: Path) -> None:
    (tmp_path / ID).mkdir(parents=True)
    (tmp_path / ID / "teacher.safetensors").write_bytes(b"half")
    cache = teacher_cache(tmp_path)
    assert not cache.has(ID)
    with pytest.raises(UserError, match=f"teacher {ID}: cannot be read"):
        cache.load(ID)
    cache.save(artefact)
    assert cache.load(ID).tensors == artefact.tensors


def test_two_processes_save_one_id_at_once(tmp_path: Path, repo_root: Path) -> None:
    """One of them wins whole; the other finds it there; nothing else is left."""
    code = """
import sys, time
from pathlib import Path
from graph_distillery.bench.training.artefacts import Artefact, teacher_cache
folder, mark = Path(sys.argv[1]), sys.argv[2]
facts = {"model": "gcn", "hyperparameters": {}, "dataset_sha256": mark, "node_order_sha256": mark}
artefact = Artefact("0123456789abcdef", mark.encode() * 4_000_000, facts)
(folder / f"{mark}.ready").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
teacher_cache(folder / "teachers").save(artefact)
"""
    commands = [[sys.executable, "-c", code, str(tmp_path), mark] for mark in "ab"]
    writers = [subprocess.Popen(command, cwd=repo_root) for command in commands]
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*.ready"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    found = teacher_cache(tmp_path / "teachers").load(ID)
    mark = found.facts["dataset_sha256"]
    assert found.tensors == mark.encode() * 4_000_000
    folder = tmp_path / "teachers"
    assert {path.name for path in folder.iterdir()} <= {ID, f".{ID}.lock"}
    assert {path.name for path in (folder / ID).iterdir()} == {"teacher.json", "teacher.safetensors"}
    assert json.loads((folder / ID / "teacher.json").read_text())["id"] == ID


def test_a_large_teacher_is_mapped_from_its_file(artefact: Artefact, tmp_path: Path) -> None:
    """Bit for bit the one in memory; it goes to another process whole; a teacher written to changes no file."""
    cache = teacher_cache(tmp_path)
    cache.save(artefact)
    with patch("graph_distillery.bench.training.artefacts.MAPPED_FROM", 1):
        mapped = cache.load(ID)
    assert mapped.file is not None
    assert bytes(mapped.tensors) == artefact.tensors
    whole, other = artefact.unpacked("teacher"), mapped.unpacked("teacher")
    assert set(whole) == set(other)
    for name, tensor in whole.items():
        assert torch.equal(tensor, other[name])
        assert tensor.dtype == other[name].dtype
    there = pickle.loads(pickle.dumps(mapped))
    assert there.file is None
    assert (there.id, there.tensors) == (ID, artefact.tensors)
    other["logits"] += 1
    assert torch.equal(cache.load(ID).unpacked("teacher")["logits"], whole["logits"])
