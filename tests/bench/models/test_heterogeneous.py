"""HAN and HGT against PyG's own layers with the same weights, Simple-HGN against dense attention by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric import nn as pyg

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.heterogeneous import block_attention
from graph_distillery.bench.models.heterogeneous.block_attention import attend_in_block
from graph_distillery.bench.models.heterogeneous.metapaths import Block, MetaPath, neighbours, parse_paths
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.rehearsal import rehearse
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.search_spaces import load_space

IN, CLASSES, WIDTH, HEADS = 6, 3, 8, 2
TYPES = TypeNames(("paper", "author", "term"), ("paper-paper", "author-paper", "paper-author", "term-paper"))
ENDS, COUNTS = ((0, 0), (1, 0), (0, 1), (2, 0)), (60, 14, 5)
STARTS = (0, 60, 74, 79)


def typed_graph() -> Graph:
    """Directed; two papers have several arcs from one node, of two types; twenty papers share two of the terms alone.

    So the papers that meet by terms are a dense block, a clique beside it, and single ones.
    """
    draw, arcs = torch.Generator().manual_seed(0), []
    for source, target in ENDS[:3]:
        ends = [torch.randint(COUNTS[end], (40,), generator=draw) + STARTS[end] for end in (source, target)]
        arcs.append(torch.stack(ends))
    papers = torch.arange(60)
    term = torch.where(papers < 20, papers % 2, torch.where(papers < 40, 2, 3)) + STARTS[2]
    both = papers[:20:3]
    of_terms = torch.stack([torch.cat([term[:50], STARTS[2] + 1 - both % 2]), torch.cat([papers[:50], both])])
    arcs = [each[:, each[0] != each[1]].unique(dim=1) for each in (*arcs, of_terms)]
    kinds = [torch.full((each.shape[1],), kind) for kind, each in enumerate(arcs)]
    types = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    x = torch.randn(STARTS[3], IN, generator=draw, dtype=torch.float64)
    return Graph.build(x, torch.cat(arcs, dim=1), None, {"type": types}, {"type": torch.cat(kinds)}, types=TYPES)


def model_of(name: str, graph: Graph, **hyper: Any) -> Any:
    torch.manual_seed(1)
    hyper = {"hidden": WIDTH, "heads": HEADS, **hyper}
    model = build_model(name, IN, CLASSES, hyper, num_nodes=graph.num_nodes, types=TYPES).double().eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.7)
    return model


def same_gradients(ours: Tensor, theirs: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> None:
    """Of the values, and of a random sum of them in each pair of weights; linear weights of PyG's are transposed."""
    torch.testing.assert_close(ours, theirs, atol=1e-8, rtol=1e-8)
    weight = torch.randn_like(ours)
    one = torch.autograd.grad((ours * weight).sum(), [pair[0] for pair in pairs], retain_graph=True)
    other = torch.autograd.grad((theirs * weight).sum(), [pair[1] for pair in pairs])
    for mine, their, (own, of_pyg) in zip(one, other, pairs, strict=True):
        torch.testing.assert_close(mine, their if own is of_pyg else _as(their, mine), atol=1e-8, rtol=1e-6)


def _as(theirs: Tensor, ours: Tensor) -> Tensor:
    return theirs.T if theirs.dim() == 2 and ours.dim() == 2 and min(ours.shape) > 1 else theirs.reshape(ours.shape)


@pytest.mark.parametrize("far", [False, True], ids=["products", "exponentials"])
def test_han_equals_hanconv(far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_attention, "_STRIP", 256)  # several strips to a block
    if far:
        monkeypatch.setattr(block_attention, "_FURTHEST", 0.0)
    graph, papers = typed_graph(), COUNTS[0]
    with pytest.raises(ValueError, match="term-papers"):
        parse_paths("term-papers", TYPES)
    # There are no arcs from papers to terms: `auto` goes there and back, so it is asked for the block.
    x = graph.features[:papers].clone().requires_grad_()  # type: ignore[union-attr]
    both_ways = torch.cat([graph.edge_index, graph.arcs_of("term-paper").flip(0)], dim=1)
    kinds = torch.cat([graph.edge_type, torch.full((both_ways.shape[1] - graph.num_edges,), 0)])
    graph = graph.with_edges(both_ways, {"type": kinds})
    features = torch.cat([x, graph.features[papers:].detach()])  # type: ignore[union-attr]
    model = model_of("han", graph, activation="relu", semantic=WIDTH)
    found = [neighbours(graph, path) for path in parse_paths("auto", TYPES)]
    assert [bool(block.mask is None) for each in found for block in each.blocks][-2:] == [False, True]

    conv = pyg.HANConv(IN, WIDTH, (["p"], [("p", str(i), "p") for i in range(3)]), HEADS).double()
    layer = model.layers[1]
    pairs = [
        (model.layers[0].linear.weight, conv.proj["p"].weight),
        (model.layers[0].linear.bias, conv.proj["p"].bias),
        (layer.semantic.weight, conv.k_lin.weight),
        (layer.semantic.bias, conv.k_lin.bias),
        (layer.query, conv.q),
    ]
    with torch.no_grad():
        for mine, their in pairs:
            their.copy_(_as(mine, their))
        for i in range(3):
            conv.lin_src[f"p__{i}__p"].copy_(layer.source_attention[i][None])
            conv.lin_dst[f"p__{i}__p"].copy_(layer.target_attention[i][None])
    edges = {("p", str(i), "p"): torch.stack([e.matrix.columns, e.matrix.row_of_entry]) for i, e in enumerate(found)}
    ours = model(graph.with_features(features)).hidden[1][:papers]
    theirs = conv({"p": x}, edges)["p"]
    for i in range(3):
        for mine, their in ((layer.source_attention, conv.lin_src), (layer.target_attention, conv.lin_dst)):
            grad = torch.autograd.grad(ours.square().sum(), mine, retain_graph=True)[0][i]
            expected = torch.autograd.grad(theirs.square().sum(), their[f"p__{i}__p"], retain_graph=True)[0][0]
            torch.testing.assert_close(grad, expected, atol=1e-8, rtol=1e-6)
    same_gradients(ours, theirs, [*pairs, (x, x)])


def test_meta_paths_are_products_of_relations() -> None:
    """Every item is its own neighbour, and the others are those that some walk of these types comes from."""
    graph, papers = typed_graph(), COUNTS[0]
    steps = {kind: torch.zeros(STARTS[3], STARTS[3]) for kind in range(4)}
    for (source, target), kind in zip(graph.edge_index.T.tolist(), graph.edge_type.tolist(), strict=True):
        steps[kind][target, source] = 1
    for text, walk in (("paper-author>author-paper", steps[1] @ steps[2]), ("paper-paper", steps[0])):
        (path,) = parse_paths(text, TYPES)
        expected = (walk[:papers, :papers] + torch.eye(papers) > 0).float()
        assert torch.equal(neighbours(graph, path).matrix.to_dense(), expected)
    through = sum(steps.values())[:papers, 60:74] @ sum(steps.values())[60:74, :papers]  # type: ignore[index]
    assert torch.equal(
        neighbours(graph, MetaPath(through=1)).matrix.to_dense(), (through + torch.eye(papers) > 0).float()
    )


@pytest.mark.parametrize("spread", [0.1, 3.0, 200.0])
@settings(max_examples=15)
@given(st.integers(1, 40), st.integers(0, 2**20), st.booleans())
def test_where_all_are_neighbours_of_all(spread: float, items: int, seed: int, tied: bool) -> None:
    """Running sums are the softmax over all pairs, gradients too, for scores however far apart; float32 to rounding."""
    draw = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(2, items, *more, generator=draw, dtype=torch.float64) for more in ((3,), (), ())]
    states, source, target = drawn[0], *((each * spread).round() if tied else each * spread for each in drawn[1:])
    inputs = [each.requires_grad_() for each in (states, source, target + 0.25)]
    found = attend_in_block(*inputs, Block(0, items, None), slope=0.2)
    scores = F.leaky_relu(inputs[2][:, :, None] + inputs[1][:, None], 0.2)
    expected = scores.softmax(dim=2) @ inputs[0]
    torch.testing.assert_close(found, expected)
    weight = torch.randn(found.shape, generator=draw, dtype=torch.float64)
    pairs = zip(*(torch.autograd.grad((weight * each).sum(), inputs) for each in (found, expected)), strict=True)
    for got, wanted in pairs:
        torch.testing.assert_close(got, wanted, atol=1e-9 * max(spread, 1.0), rtol=1e-6)
    single = [each.detach().float() for each in inputs]
    rough = attend_in_block(*single, Block(0, items, None), slope=0.2)
    scores = F.leaky_relu(single[2].double()[:, :, None] + single[1].double()[:, None], 0.2)
    torch.testing.assert_close(
        rough.double(), scores.softmax(dim=2) @ states.detach(), atol=1e-6 * max(spread, 5.0), rtol=0
    )


def test_dropout_within_a_block_has_the_gradient_of_its_forward() -> None:
    mask = (torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.6).double().fill_diagonal_(1)
    given = [torch.randn(2, 5, *more, dtype=torch.float64, requires_grad=True) for more in ((3,), (), ())]

    def forward(*inputs: Tensor) -> Tensor:
        torch.manual_seed(3)
        return attend_in_block(*inputs, Block(0, 5, mask), slope=0.2, dropout=0.4)

    assert torch.autograd.gradcheck(forward, given)


def test_hgt_equals_hgtconv() -> None:
    """Two layers, of which the second's queries and keys are far enough apart that a greatest score is taken off."""
    graph = typed_graph()
    names = [(TYPES.nodes[s], str(i), TYPES.nodes[t]) for i, (s, t) in enumerate(ENDS)]
    model = model_of("hgt", graph, layers=4)
    convs = [pyg.HGTConv(WIDTH, WIDTH, (list(TYPES.nodes), names), HEADS).double() for _ in range(2)]
    with torch.no_grad():
        model.layers[2].query.weight.mul_(30)
        for layer, conv in zip(model.layers[1:3], convs, strict=True):
            for kind, name in enumerate(TYPES.nodes):
                of_type = [layer.key, layer.query, layer.value]
                conv.kqv_lin.lins[name].weight.copy_(torch.cat([each.weight[kind] for each in of_type], 1).T)
                conv.kqv_lin.lins[name].bias.copy_(torch.cat([each.bias[kind] for each in of_type]))
                conv.out_lin.lins[name].weight.copy_(layer.out.weight[kind].T)
                conv.out_lin.lins[name].bias.copy_(layer.out.bias[kind])
                conv.skip[name].copy_(layer.skip[kind : kind + 1])
            for number, name in enumerate(names):
                conv.p_rel["__".join(name)].copy_(layer.prior[number][None])
            for mine, their in ((layer.key_relation, conv.k_rel.weight), (layer.value_relation, conv.v_rel.weight)):
                their.copy_(mine.transpose(0, 1).reshape(their.shape))
    edges = {}
    for number, ((source, target), name) in enumerate(zip(ENDS, names, strict=True)):
        edges[name] = graph.arcs_of(number) - torch.tensor([[STARTS[source]], [STARTS[target]]])
    x = graph.features.requires_grad_()  # type: ignore[union-attr]
    output = model(graph)
    state = output.hidden[0]
    for conv in convs:
        by_type = {name: state[STARTS[i] : STARTS[i + 1]] for i, name in enumerate(TYPES.nodes)}
        made = conv(by_type, edges)
        # PyG leaves out types that no arc enters; their own state stays under a gate, with A's bias.
        layer = model.layers[1 if conv is convs[0] else 2]
        gate = torch.sigmoid(layer.skip[2])
        made["term"] = gate * layer.out.bias[2].detach() + (1 - gate) * by_type["term"]
        state = torch.cat([made[name] for name in TYPES.nodes])
    for kind in range(2):
        grads = [
            torch.autograd.grad(given[:60].square().sum(), of, retain_graph=True)[0]
            for given, of in (
                (output.hidden[2], model.layers[1].value.weight),
                (state, convs[0].kqv_lin.lins[TYPES.nodes[kind]].weight),
            )
        ]
        torch.testing.assert_close(grads[0][kind], grads[1][2 * WIDTH :].T, atol=1e-8, rtol=1e-6)
    relation = torch.autograd.grad(output.hidden[2][:60].sum(), model.layers[1].key_relation, retain_graph=True)[0]
    expected = torch.autograd.grad(state[:60].sum(), convs[0].k_rel.weight, retain_graph=True)[0]
    torch.testing.assert_close(
        relation.transpose(0, 1).reshape(HEADS * len(ENDS), 4, 4), expected, atol=1e-8, rtol=1e-6
    )
    same_gradients(output.hidden[2], state, [(x, x)])


def test_hgt_with_a_softmax_in_each_relation_is_their_mean_by_hand() -> None:
    """As HGB's code has it: a relation into a node's type counts where no arc of it enters the node, and gives 0."""
    graph = typed_graph()
    model = model_of("hgt", graph, layers=3, softmax="relation", activation="none")
    layer, x, kinds = model.layers[1], model(graph).hidden[0], graph.node_type.tolist()
    arcs = [graph.arcs_of(relation).T.tolist() for relation in range(len(ENDS))]
    query, key, value = (
        torch.stack([x[i] @ each.weight[kind] + each.bias[kind] for i, kind in enumerate(kinds)]).view(-1, HEADS, 4)
        for each in (layer.query, layer.key, layer.value)
    )
    rows = []
    for node, kind in enumerate(kinds):
        into = [relation for relation, (_, target) in enumerate(ENDS) if target == kind]
        gathered = x.new_zeros(HEADS, 4)
        for relation in into:
            sources = [source for source, target in arcs[relation] if target == node]
            if sources:
                keys = torch.einsum("nhd,hde->nhe", key[sources], layer.key_relation[relation])
                scores = (query[node] * keys).sum(2) * layer.prior[relation] / 2.0
                values = torch.einsum("nhd,hde->nhe", value[sources], layer.value_relation[relation])
                gathered = gathered + (scores.softmax(0)[:, :, None] * values).sum(0) / len(into)
        gate = torch.sigmoid(layer.skip[kind])
        rows.append(gate * (gathered.flatten() @ layer.out.weight[kind] + layer.out.bias[kind]) + (1 - gate) * x[node])
    by_hand, ours = torch.stack(rows), model(graph).hidden[1]
    weights = [layer.query.weight, layer.key_relation, layer.value.weight, layer.skip]
    same_gradients(ours, by_hand, [(each, each) for each in weights])


def test_simple_hgn_is_attention_over_arcs_by_hand() -> None:
    """Each arc apart, in dense algebra: types of arcs, loops, parallel arcs, residual coefficients, unit outputs."""
    graph, beta = typed_graph(), 0.3
    arcs = graph.edge_index
    again = arcs[:, (graph.edge_type == 0).nonzero().flatten()[:5]]
    graph = graph.with_edges(torch.cat([arcs, again], 1), {"type": torch.cat([graph.edge_type, torch.full((5,), 1)])})
    model = model_of("simple-hgn", graph, attention_residual=beta, layers=4, edge_width=5)
    own = torch.arange(graph.num_nodes)
    source, target = torch.cat([graph.edge_index, own.expand(2, -1)], dim=1)
    kind = torch.cat([graph.edge_type, torch.full_like(own, len(ENDS))])
    enters = F.one_hot(target, graph.num_nodes).T.double()  # [nodes, arcs]

    def layer_by_hand(layer: Any, state: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        outs, used = [], []
        for head in range(layer.heads):
            columns = slice(head * layer.width, (head + 1) * layer.width)
            mapped = state @ layer.linear.weight[:, columns]
            typed = (layer.vectors @ layer.map)[:, head * 5 : (head + 1) * 5] @ layer.type_attention[head]
            raw = mapped[source] @ layer.source_attention[head] + mapped[target] @ layer.target_attention[head]
            weight = F.leaky_relu(raw + typed[kind], 0.05).exp()
            share = weight / (enters @ weight)[target]
            share = share if before is None else (1 - beta) * share + beta * before[head]
            out = enters @ (share[:, None] * mapped[source])
            outs.append(out if layer.skip is None else out + state @ layer.skip.weight[:, columns])
            used.append(share.detach())
        return torch.cat(outs, dim=1), torch.stack(used)

    x = graph.features.requires_grad_()  # type: ignore[union-attr]
    first = model.layers[0]
    state = x @ first.linear.weight + first.bias[graph.node_type]
    state, used = layer_by_hand(model.layers[1], state, None)
    state, _ = layer_by_hand(model.layers[2], F.elu(state), used)
    logits, _ = layer_by_hand(model.layers[3], F.elu(state), None)
    logits = logits[: COUNTS[0]]
    expected = logits / logits.norm(dim=1, keepdim=True)
    found = model(graph).logits
    weights = list(model.parameters())
    same_gradients(found, expected, [(x, x), *((each, each) for each in weights)])


def test_paths_that_name_a_datasets_types_are_rehearsed_on_made_up_data() -> None:
    """Whose types have other names."""
    settings = load_space("model", "han").for_dataset("hgb-acm").defaults()
    assert "paper-author" in str(settings["metapaths"])
    configuration = Configuration("supervised", student="han", student_hyper=settings)
    rehearse(configuration, DATASETS.get("hgb-acm"), "hgb", "transductive", [configuration])
