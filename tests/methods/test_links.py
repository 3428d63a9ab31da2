"""LinkDist, CoLinkDist and TGS: a step of the released loops by hand, arc by arc, and what a prediction is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.colinkdist.method import CoLinkDist
from graph_distillery.methods.colinkdist_mlp.method import CoLinkDistMLP
from graph_distillery.methods.contract import Batch, BatchSource, Method
from graph_distillery.methods.linkdist.method import LinkDist
from graph_distillery.methods.linkdist_mlp.method import LinkDistMLP
from graph_distillery.methods.losses.links import class_weights
from graph_distillery.methods.tgs.method import TGS

Make = Callable[..., Method[Any]]

#: Of `data` in conftest: a ring of twelve nodes whose labels are known at 7, 2, 10 and 0, of classes 0, 2, 1, 2.
LABEL = {7: 0, 2: 2, 10: 1, 0: 2}
#: Labelled nodes of a class to labelled ends, 1/4 of each in a ring whose arcs go both ways.
KNOWN = 1 / 3


def first_batch(method: Method[Any]) -> tuple[Batch, list[list[int]]]:
    """The first batch, and the nodes [i, j (, r)] of each of its arcs."""
    method.train()
    torch.manual_seed(2)
    batch = next(iter(method.batches(BatchSource())))
    return batch, batch.items[method.places].T.tolist()


def outputs(method: Method[Any], batch: Batch) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """y and z by node."""
    output = method(batch.graph)
    nodes = batch.items.tolist()
    return dict(zip(nodes, output.logits, strict=True)), dict(zip(nodes, method.second(output.hidden[-1]), strict=True))


def apart(left: Tensor, right: Tensor) -> Tensor:
    return (left - right).square().mean()


def mean_of(pairs: list[tuple[Tensor, int | None]]) -> Tensor:
    """Cross-entropy over those that have a label; the weights of the classes of this ring are all 1."""
    known = [F.cross_entropy(logits, torch.tensor(label)) for logits, label in pairs if label is not None]
    return torch.stack(known).mean() if known else torch.zeros(())


@pytest.mark.parametrize("method_class", [LinkDistMLP, CoLinkDistMLP])
def test_a_step_by_hand(make: Make, method_class: type[Method[Any]]) -> None:
    method = make(method_class, arcs=9, dropout=0.0)
    batch, arcs = first_batch(method)
    y, z = outputs(method, batch)
    count, alpha = len(arcs), 1 - KNOWN
    assert count == 9
    own = mean_of([(y[a[0]], LABEL.get(a[0])) for a in arcs]) + mean_of([(y[a[1]], LABEL.get(a[1])) for a in arcs])
    other = mean_of([(z[a[1]], LABEL.get(a[0])) for a in arcs]) + mean_of([(z[a[0]], LABEL.get(a[1])) for a in arcs])
    expected = {
        "links": alpha * sum(apart(y[a[0]], z[a[1]]) + apart(y[a[1]], z[a[0]]) for a in arcs) / count,
        "labels": own,
        "neighbours": other,
    }
    if method_class is CoLinkDistMLP:
        p, q = ({node: row.softmax(0) for node, row in each.items()} for each in (y, z))
        strange = sum(apart(p[i], q[r]) + apart(p[j], q[r]) + apart(p[r], q[i]) + apart(p[r], q[j]) for i, j, r in arcs)
        strayed = sum(KNOWN * mean_of([(z[a[2]], LABEL.get(a[k])) for a in arcs]) for k in (0, 1))
        strayed += sum(KNOWN * mean_of([(z[a[k]], LABEL.get(a[2])) for a in arcs]) for k in (0, 1))
        expected["strangers"] = -(alpha / 2 * strange / count + strayed)
        expected["labels"] = own + 2 * mean_of([(y[a[2]], LABEL.get(a[2])) for a in arcs])
    found = method.loss(batch, method(batch.graph))
    assert found.keys() == expected.keys()
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-5), name


def test_a_step_of_tgs_by_hand(make: Make) -> None:
    """Under running statistics, so that no norm depends on the batch."""
    method = make(TGS, arcs=24, width=4, dropout=0.0, alpha=0.6, ratio=0.5)
    batch, arcs = first_batch(method)
    method.eval()
    y, z = outputs(method, batch)
    x = dict(zip(batch.items.tolist(), batch.graph.dense_features(), strict=True))
    mixer = method.mixer

    def mixed(i: int, j: int) -> Tensor:
        states = [mixer.norm(mixer.linear(x[node])[None])[0] for node in (j, i)]
        share = 0.5 + 0.5 * torch.sigmoid(mixer.attention.weight[0] @ torch.cat(states))
        graph = batch.graph.rows(torch.tensor([0])).with_features((x[j] * share + x[i] * (1 - share))[None])
        found: Tensor = method.second(method(graph).hidden[-1])[0]
        return found

    ij, ji = [mixed(i, j) for i, j, _ in arcs], [mixed(j, i) for i, j, _ in arcs]
    near = sum(apart(y[a[0]], u) + apart(y[a[1]], v) for a, u, v in zip(arcs, ij, ji, strict=True)) / 24
    strange = sum(apart(y[a[k]].softmax(0), z[a[2]].softmax(0)) for a in arcs for k in (0, 1)) / 24
    own = sum(mean_of([(y[a[k]], LABEL.get(a[k])) for a in arcs]) for k in (0, 1))
    other = mean_of([(u, LABEL.get(a[0])) for u, a in zip(ij, arcs, strict=True)])
    other = other + mean_of([(v, LABEL.get(a[1])) for v, a in zip(ji, arcs, strict=True)])
    found = method.loss(batch, method(batch.graph))
    expected = {"links": near, "strangers": -strange, "labels": 0.6 * own, "neighbours": 0.6 * other}
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-4), name


def test_two_hundred_epochs_are_as_many_passes_as_the_released_code_makes(make: Make) -> None:
    """Twelve nodes, twenty-four arcs: two epochs a pass, every arc once in it, whatever the batches are."""
    method = make(LinkDistMLP, arcs=5)
    for _ in range(2):
        met: list[tuple[int, ...]] = []
        for _ in range(2):
            for batch in method.batches(BatchSource()):
                met += [tuple(arc) for arc in batch.items[method.places].T.tolist()]
        assert len(met) == len(set(met)) == 24


@pytest.mark.parametrize(("with_graph", "without"), [(LinkDist, LinkDistMLP), (CoLinkDist, CoLinkDistMLP)])
def test_what_each_inference_reads(make: Make, with_graph: type[Method[Any]], without: type[Method[Any]]) -> None:
    method, plain = make(with_graph), make(without)
    plain.load_state_dict(method.state_dict())
    data = method.context.data
    assert data is not None
    method.eval(), plain.eval()
    output = plain.predict(data.graph)
    z = plain.second(output.hidden[-1]).log_softmax(1)
    node, neighbours = 4, [3, 5]
    expected = output.logits[node].log_softmax(0) + (1 - KNOWN) * z[neighbours].mean(0)
    assert torch.allclose(method.predict(data.graph).logits[node], expected, atol=1e-6)
    assert torch.equal(plain.predict(data.graph.without_edges()).logits, output.logits)
    assert len(list(method.inference_modules())) == 2
    assert len(list(plain.inference_modules())) == 1


def test_class_weights() -> None:
    """Three of class 0 met six times, one of class 1 met once, none of class 2 met: 1/2 and 1 of a sum of 3."""
    labels, ends = torch.tensor([0, 0, 1, 0, 2]), torch.tensor([0, 0, 1, 0, 0, 0, 0])
    assert class_weights(labels, ends, 3).tolist() == pytest.approx([1.0, 2.0, 0.0])


def test_a_graph_without_edges_is_refused(make: Make, data: Any) -> None:
    object.__setattr__(data, "graph", data.graph.without_edges())
    with pytest.raises(ValueError, match="no edge"):
        make(LinkDistMLP)
    assert make(LinkDistMLP, weight=0.0).epoch_items == "labelled"
