"""What is computed once for a problem: by its definition, without hidden nodes, and kept whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.artefacts import ArtefactCache, StoredArtefacts
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.bench.training.judging import judge_test
from graph_distillery.bench.training.precomputed import (
    artefact_id,
    make_artefact,
    prepared,
    sealed_with_artefacts,
    settings_of,
    with_artefacts,
)
from graph_distillery.bench.training.problem import HERE, Problem, ProblemKey
from graph_distillery.methods.contract import Graph

NAME, ID = "propagated-features", "0123456789abcdef"
KARATE = ProblemKey("karate", "random-60-20-20", "transductive")
INDUCTIVE = replace(KARATE, setting="inductive")
GRAPHS = ProblemKey("multi-sbm-small", "graphs", "inductive")
SGC = Configuration("sgc", method_hyper={"hops": 3}, student="mlp", student_hyper={"layers": 1, "epochs": 30})


def by_definition(graph: Graph, hops: int) -> torch.Tensor:
    """(D^-1/2 (A + I) D^-1/2)^hops X, dense and in double precision."""
    adjacency = torch.eye(graph.num_nodes, dtype=torch.float64)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1.0
    scale = adjacency.sum(1).rsqrt()
    propagation = scale[:, None] * adjacency * scale
    return torch.linalg.matrix_power(propagation, hops) @ graph.dense_features().double()


@pytest.mark.parametrize("key", [KARATE, INDUCTIVE, GRAPHS])
def test_every_graph_carries_its_own_propagation_and_training_knows_no_hidden_node(key: ProblemKey) -> None:
    bare = HERE.problem(key, 0)
    problem = prepared(bare, SGC)
    test = sealed_with_artefacts(HERE.test_set(key, 0), bare, problem)
    graphs = [problem.training.graph, problem.validation.graph, *(part.graph for part in test.parts.values())]
    for graph in graphs:
        found = graph.node_columns["propagated_features"]
        assert torch.allclose(found.double(), by_definition(graph, 3), atol=1e-6)
    assert bare.training.graph.node_columns == {}
    if key is KARATE:
        assert all(graph is graphs[0] for graph in graphs)
    if key is INDUCTIVE:
        hidden = test.parts["ind"]
        assert hidden.graph.num_nodes > problem.training.graph.num_nodes
        assert test.parts["tran"].graph is problem.training.graph


def test_ids_follow_data_settings_and_what_is_observed_and_nothing_else() -> None:
    data = ("a" * 64, "b" * 64)

    def made_id(key: ProblemKey, seed: int, hops: int = 3, data: tuple[str, str] = data) -> str:
        return artefact_id(NAME, {"hops": hops}, key, seed, data)

    same = made_id(KARATE, 0)
    assert made_id(KARATE, 7) == same == made_id(replace(KARATE, split="public"), 0)
    others = [
        made_id(KARATE, 0, hops=2),
        made_id(KARATE, 0, data=("c" * 64, "b" * 64)),
        made_id(replace(KARATE, split="cpf"), 0),  # the largest component alone
        made_id(INDUCTIVE, 0),
        made_id(INDUCTIVE, 1),
        made_id(replace(INDUCTIVE, split="public"), 0),
    ]
    assert len({same, *others}) == 1 + len(others)
    assert settings_of(NAME, SGC) == {"hops": 3}
    assert settings_of(NAME, replace(SGC, method_hyper={})) == {"hops": 2}
    assert settings_of(NAME, Configuration("supervised", student="mlp")) == {"hops": 2}  # the published one


def test_sgc_on_a_stored_artefact_is_sgc_on_one_made_here(tmp_path: Path) -> None:
    """A linear student on S^K X, and both ways of getting there agree to the last bit."""
    bare = HERE.problem(INDUCTIVE, 0)
    cache = ArtefactCache(tmp_path)
    cache.save(make_artefact(NAME, ID, bare, {"hops": 3}))
    scores = []
    for problem in (prepared(bare, SGC), with_artefacts(bare, {NAME: cache.load(ID)})):
        (trained,) = train(SGC, [0], lambda _, own=problem: own, lambda _: ())
        student = trained.method.student
        assert student is not None
        shapes = {tuple(each.shape) for each in student.parameters()}
        assert shapes == {(34, 4), (4,)}  # features and classes of the karate club
        test = sealed_with_artefacts(HERE.test_set(INDUCTIVE, 0), bare, problem)
        scores.append((trained.validation, judge_test(trained.method, problem, test)))
    assert scores[0] == scores[1]


def test_what_is_missing_or_of_other_data_is_refused(tmp_path: Path) -> None:
    bare = HERE.problem(KARATE, 0)
    with pytest.raises(UserError, match=r"^method 'sgc' needs artefact 'propagated-features', which was not made$"):
        build(SGC, bare, ())
    made = make_artefact(NAME, ID, bare, {"hops": 1})
    digits = HERE.problem(ProblemKey("digits-knn", "cpf", "transductive"), 0)
    with pytest.raises(UserError, match=f"^artefact {ID}: its dataset_sha256 is not that of dataset 'digits-knn'"):
        with_artefacts(digits, {NAME: made})
    with pytest.raises(UserError, match=f"^artefact {ID}: artefact.safetensors cannot be read: "):
        with_artefacts(bare, {NAME: replace(made, tensors=b"nothing")})
    store = StoredArtefacts(tmp_path)
    with pytest.raises(UserError, match=f"^teacher {ID}: cannot be read"):
        store.load(ID)
    store.others.save(made)
    assert store.load(ID).tensors == made.tensors


def test_a_number_that_is_none_is_refused() -> None:
    bare: Problem = HERE.problem(KARATE, 0)
    features = bare.training.graph.dense_features().clone()
    features[3, 0] = float("inf")
    broken = replace(bare, training=replace(bare.training, graph=bare.training.graph.with_features(features)))
    with pytest.raises(
        FloatingPointError, match=r"^artefact 'propagated-features': propagated_features is not finite$"
    ):
        make_artefact(NAME, ID, broken, {"hops": 1})


_SAVE = """
import sys, time
from pathlib import Path
from graph_distillery.bench.training import artefacts
write = artefacts._write
def slowly(path, content):
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        print("half", flush=True)
        time.sleep(60)
artefacts._write = slowly
made = artefacts.Artefact(sys.argv[2], bytes(1000), {"dataset_sha256": "", "node_order_sha256": ""})
artefacts.ArtefactCache(Path(sys.argv[1])).save(made)
"""


def test_a_writer_that_is_killed_half_way_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _SAVE, str(tmp_path), ID], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        os.kill(writer.pid, signal.SIGKILL)
    cache = ArtefactCache(tmp_path)
    assert not cache.has(ID)
    made = make_artefact(NAME, ID, HERE.problem(KARATE, 0), {"hops": 1})
    cache.save(made)
    assert cache.load(ID).tensors == made.tensors
