"""What every model must do, as a test class for authors of models.

Everything is tried on random graphs of a few nodes, with the published defaults but for a narrow hidden state.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from graph_distillery.bench.conformance.checks import check, refused
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model, build_model
from graph_distillery.bench.models.info import ModelInfo
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.bench.models.receptive_field import has_receptive_field, reach, receptive_field
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods.contract import Graph, OptimiserSettings, Output
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.items import ITEMS, Level
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.search_spaces import load_space

SEED = 0
FEATURES, CLASSES, HIDDEN = 7, 3, 16
#: Of the edges of every graph here, for models that read types.
RELATIONS = TypeNames(edges=("a", "b", "c"))
#: Of the graphs of models that read types of nodes too, of which the first 12 are of the first type.
TYPED, ITEMS_OF_TYPE = TypeNames(("x", "y"), ("a", "b", "c")), 12
#: Nodes of each graph, the only one at the levels of nodes and pairs.
SIZES: dict[Level, tuple[int, ...]] = {"node": (24,), "graph": (9, 6, 11, 4), "pair": (24,)}


@dataclass(frozen=True)
class ModelCase:
    """A model and what one of its predictions is of."""

    model: str
    level: Level

    def __str__(self) -> str:
        return f"{self.model}-{self.level}"

    @property
    def model_class(self) -> type[Model]:
        loaded: type[Model] = MODELS.load(self.model)
        return loaded

    def build(self, seed: int = SEED, nodes: int | None = None) -> Model:
        """Freshly initialised, in evaluation mode."""
        torch.manual_seed(seed)
        count = nodes or sum(SIZES[self.level])
        types = TYPED if self.model_class.typed else None
        return build_model(self.model, FEATURES, CLASSES, {"hidden": HIDDEN}, self.level, count, types=types).eval()

    def graph(self, seed: int = SEED) -> Graph:
        """Random directed graphs without self-loops, features dense, edges of three types."""
        generator = torch.Generator().manual_seed(seed)
        sizes = torch.tensor(SIZES[self.level])
        pointers = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
        owner = torch.repeat_interleave(torch.arange(sizes.numel()), sizes)
        chance = torch.rand(owner.numel(), owner.numel(), generator=generator)
        together = (owner[:, None] == owner[None, :]) & ~torch.eye(owner.numel(), dtype=torch.bool)
        edges = torch.nonzero((chance < 0.15) & together).T.contiguous()
        features = torch.randn(owner.numel(), FEATURES, generator=generator)
        kinds = {"type": torch.arange(edges.shape[1]) % len(RELATIONS.edges)}
        graph = Graph.build(features, edges, pointers, edge_columns=kinds, types=RELATIONS)
        if self.model_class.typed:
            of_nodes = {"type": (torch.arange(graph.num_nodes) >= ITEMS_OF_TYPE).long()}
            graph = Graph.build(features, edges, pointers, of_nodes, kinds, types=TYPED)
        if self.level != "pair":
            return graph
        return graph.with_pairs(torch.randint(graph.num_nodes, (13, 2), generator=generator))


def model_cases(name: str) -> list[ModelCase]:
    """The levels that the model's settings name, and pairs of nodes where it does not refuse them."""
    settings = MODELS.get(name).settings
    levels: list[Level] = ["node"] if set(settings) & {"transductive", "inductive"} else []
    levels += ["graph"] if "graph-level" in settings else []
    try:
        ModelCase(name, "pair").build()
    except UserError:
        return [ModelCase(name, level) for level in levels]
    return [ModelCase(name, level) for level in (*levels, "pair")]


@torch.no_grad()
def logits(model: Model, graph: Graph) -> Tensor:
    output: Output = model(graph)
    return output.logits


def differs(one: Tensor, other: Tensor) -> bool:
    """Whether two outputs differ by more than rounding."""
    return one.shape != other.shape or not torch.allclose(one, other, atol=1e-5, rtol=1e-4)


class ModelConformance:
    """Subclass it, name the model, and let pytest collect the subclass."""

    model: ClassVar[str]

    @classmethod
    def models(cls) -> tuple[str, ...]:
        """The models that are checked."""
        return (cls.model,)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest: a test that takes `case` runs at every level, one that takes `info` once a model."""
        if "case" in metafunc.fixturenames:
            metafunc.parametrize("case", [case for name in self.models() for case in model_cases(name)], ids=str)
        if "info" in metafunc.fixturenames:
            metafunc.parametrize("info", [MODELS.get(name) for name in self.models()], ids=lambda info: info.name)

    # The catalogue and the search space

    def test_catalogue_entry_is_complete(self, info: ModelInfo) -> None:
        named = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*|[a-z]+:[\w.:]+", info.name)
        check(bool(named), f"name {info.name!r}: lower case and dashes, or FAMILY:NAME")
        for field in ("title", "computes"):
            check(bool(getattr(info, field)), f"{field} is empty")
        check(not info.url or info.url.startswith("https://"), f"url {info.url!r} is not https")
        check(bool(info.settings), "it fits no setting")
        loaded = MODELS.load(info.name)
        check(issubclass(loaded, Model), f"{info.target} is no Model")
        for name, field in loaded.Hyperparameters.model_fields.items():
            check(bool(field.description), f"hyperparameter {name!r} has no description")

    def test_search_space_names_what_there_is(self, info: ModelInfo) -> None:
        """Its own hyperparameters and the optimiser's settings, and no others."""
        known = {
            *MODELS.load(info.name).Hyperparameters.model_fields,
            *(item.name for item in fields(OptimiserSettings)),
        }
        wrong = set(load_space("model", info.name).names()) - known
        check(not wrong, f"no hyperparameter: {', '.join(sorted(wrong))}")

    def test_refuses_unknown_hyperparameters(self, info: ModelInfo) -> None:
        wrong = partial(build_model, info.name, FEATURES, CLASSES, {"no_such": 1}, num_nodes=4, types=TYPED)
        refused(wrong, info.name, "no_such")

    def test_refuses_graphs_without_types(self, info: ModelInfo) -> None:
        """A model for types alone says so, in its catalogue entry and when it is built."""
        if MODELS.load(info.name).typed:
            check(info.graphs == "typed", "it reads types, and its entry does not say so")
            refused(partial(build_model, info.name, FEATURES, CLASSES, {}, num_nodes=4), info.name, "types")

    # What comes out

    def test_shapes(self, case: ModelCase) -> None:
        """Logits for every item in float32; no hidden state, or one for every layer but the last, a row a node."""
        model, graph = case.build(), case.graph()
        with torch.no_grad():
            output: Output = model(graph)
        expected = (ITEMS[case.level].count(graph), CLASSES)
        check(tuple(output.logits.shape) == expected, f"logits have shape {tuple(output.logits.shape)}, not {expected}")
        check(output.logits.dtype == torch.float32, f"logits are {output.logits.dtype}")
        check(bool(torch.isfinite(output.logits).all()), "logits are not finite")
        known = (len(output.hidden),) if model.num_hidden is None else (0, model.num_hidden)
        check(len(output.hidden) in known, f"{len(output.hidden)} hidden states")
        rows = {state.shape[0] for state in output.hidden}
        check(rows <= {graph.num_nodes}, f"hidden states have {rows} rows for {graph.num_nodes} nodes")
        check(len(output.edges) in (0, len(output.hidden)), f"arcs of {len(output.edges)} layers")
        if output.pooled is not None:
            check(output.pooled.shape[0] == expected[0], "not one pooled row an item")

    def test_evaluation_draws_nothing(self, case: ModelCase) -> None:
        """Twice the same, and the same with no state moved by a forward in between."""
        model, graph = case.build(), case.graph()
        first = logits(model, graph)
        logits(model, case.graph(seed=SEED + 1))
        check(torch.equal(first, logits(model, graph)), "two evaluations differ")

    def test_same_seed_same_model(self, case: ModelCase) -> None:
        one, other = case.build().state_dict(), case.build().state_dict()
        check(all(torch.equal(one[name], other[name]) for name in one | other), "two initialisations differ")

    def test_renumbered_nodes_are_renumbered_outputs(self, case: ModelCase) -> None:
        """The order in which nodes stand within a graph means nothing; of weights for each node it does."""
        if case.model_class.per_node and not case.model_class.typed:
            return
        model, graph = case.build().double(), case.graph()
        order = _shuffled_within_graphs(graph)
        place = torch.argsort(order)
        features = graph.dense_features().double()
        pairs = None if graph.pairs is None else place[graph.pairs]
        moved = graph.with_edges(place[graph.edge_index], graph.edge_columns).with_features(features[order])
        moved = moved if pairs is None else moved.with_pairs(pairs)
        before, after = logits(model, graph.with_features(features)), logits(model, moved)
        if case.level == "node":
            before = before[order[: before.shape[0]]]
        check(torch.allclose(before, after, atol=1e-8), f"outputs move by {float((before - after).abs().max()):.1e}")

    def test_every_parameter_has_a_gradient(self, case: ModelCase) -> None:
        model, graph = case.build().train(), case.graph()
        output: Output = model(graph)
        weight = torch.randn(output.logits.shape, generator=torch.Generator().manual_seed(SEED))
        (output.logits * weight).sum().backward()
        still = [
            name
            for name, value in model.named_parameters()
            if value.requires_grad and (value.grad is None or not bool(value.grad.any()))
        ]
        check(not still, f"no gradient: {', '.join(still)}")

    def test_learns_by_heart(self, case: ModelCase) -> None:
        """Sixty steps of Adam take a tenth off the loss on arbitrary labels, at one rate or the other.

        Deep models are slow at the lower one; sums over neighbours swing at the higher, on some processors to the end.
        """
        told = []
        for rate in (0.05, 0.01):
            first, last = _fitted(case, rate)
            if last < 0.9 * first:
                return
            told.append(f"from {first:.3f} to {last:.3f} at rate {rate}")
        check(False, f"the loss went {' and '.join(told)}")

    def test_saves_and_loads(self, case: ModelCase) -> None:
        """What a forward depends on is in the state, also what training has moved."""
        model, graph = case.build(), case.graph()
        model.train()(graph)
        model.eval()
        kept = save_tensors({name: value.clone().contiguous() for name, value in model.state_dict().items()})
        again = case.build(seed=SEED + 1)
        again.load_state_dict(load_tensors(kept))
        check(torch.equal(logits(model, graph), logits(again, graph)), "outputs differ after a round trip")

    def test_reads_sparse_features_alike(self, case: ModelCase) -> None:
        model, graph = case.build(), case.graph()
        sparse = graph.with_features(SparseMatrix.from_torch(graph.dense_features()))
        check(not differs(logits(model, graph), logits(model, sparse)), "sparse features give other outputs")

    def test_costs(self, case: ModelCase) -> None:
        """Multiply-accumulates are a whole number above 0 and grow with the nodes."""
        model = case.build()
        few, many = model.macs(20, 40, 2), model.macs(40, 40, 2)
        check(isinstance(few, int) and 0 < few < many, f"{few} for 20 nodes, {many} for 40")

    # What it reads

    def test_says_whether_it_reads_others(self, case: ModelCase) -> None:
        """Without `uses_edges` a node's output is that of its own row alone; with it, others or edges act on it."""
        if case.level != "node":
            return
        model, graph = case.build(), case.graph()
        node = graph.in_degrees()[: graph.num_targets].argmax()
        features = graph.dense_features()
        elsewhere = features + 1.0
        elsewhere[node] = features[node]
        others = (graph.with_features(elsewhere), graph.without_edges())
        before = logits(model, graph)[node]
        moved = any(differs(before, logits(model, other)[node]) for other in others)
        if model.uses_edges:
            check(moved, "uses_edges is set, and neither other nodes nor edges are read")
            return
        alone = logits(model, graph.rows(node[None]))[0]
        check(not moved and not differs(before, alone), "uses_edges is not set, and others act on a node's output")

    def test_reads_no_further_than_it_says(self, case: ModelCase) -> None:
        """On a path, no node beyond `receptive_hops` acts on the last one's output."""
        if case.level != "node" or case.model_class.reads_whole_graph:
            return
        nodes = 16
        model = case.build(nodes=nodes)
        ends = torch.arange(nodes - 1)
        features = torch.randn(nodes, FEATURES, generator=torch.Generator().manual_seed(SEED)).requires_grad_()
        kinds = {"type": torch.zeros_like(ends)}
        of_nodes = {"type": torch.zeros(nodes, dtype=torch.long)} if model.typed else None
        names = TYPED if model.typed else RELATIONS
        path = Graph.build(features, torch.stack([ends, ends + 1]), None, of_nodes, kinds, types=names)
        (gradient,) = torch.autograd.grad(model(path).logits[-1].square().sum(), features)
        reached = int(nodes - 1 - gradient.abs().sum(dim=1).nonzero().min())
        check(reached <= model.receptive_hops, f"it reads {reached} hops away, and says {model.receptive_hops}")

    def test_a_neighbourhood_is_enough(self, case: ModelCase) -> None:
        """Predictions on the part that a request fetches are those on the whole graph."""
        model, graph = case.build(), case.graph()
        kind = ITEMS[case.level]
        if model.reads_whole_graph or case.level == "graph":
            return
        items = torch.tensor([7, 2, 11])
        part, places = neighbourhood(graph, kind.nodes_of(graph, items), model.receptive_hops)
        asked, rows = kind.within(graph, items, part, places)
        found, whole = logits(model, asked)[rows], logits(model, graph)[items]
        check(not differs(found, whole), f"outputs differ by {float((found - whole).abs().max()):.1e}")

    def test_a_receptive_field_is_enough(self, case: ModelCase) -> None:
        """Where `reads_blocks` is set: predictions on it are those on the whole graph."""
        model, graph = case.build(), case.graph()
        if not has_receptive_field(model, graph):
            return
        items = torch.tensor([7, 2, 11])
        read = reach(graph, items, tuple(layer.hops for layer in model.convolutions()))
        found, whole = logits(model, receptive_field(graph, read)), logits(model, graph)[items]
        check(not differs(found, whole), f"outputs differ by {float((found - whole).abs().max()):.1e}")

    def test_graphs_of_a_union_do_not_mix(self, case: ModelCase) -> None:
        """A graph's prediction is the same alone and among others."""
        if case.level != "graph":
            return
        model, graph = case.build(), case.graph()
        whole = logits(model, graph)
        for one in range(graph.num_graphs):
            alone = logits(model, graph.select_graphs(torch.tensor([one])))
            check(not differs(alone, whole[[one]]), f"graph {one} is predicted otherwise on its own")


def _shuffled_within_graphs(graph: Graph) -> Tensor:
    """[nodes] int64: a random order of the nodes of each graph, graph after graph, those that are items first."""
    noise = torch.rand(graph.num_nodes, generator=torch.Generator().manual_seed(SEED))
    later = torch.arange(graph.num_nodes) >= graph.num_targets
    return torch.argsort(2 * graph.graph_of_node + later + noise)


def _fitted(case: ModelCase, rate: float) -> tuple[float, float]:
    """The loss on arbitrary labels before sixty steps of Adam, and before the last of them."""
    model, graph = case.build().train(), case.graph()
    labels = torch.arange(ITEMS[case.level].count(graph)) % CLASSES
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(graph).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses[0], losses[-1]
