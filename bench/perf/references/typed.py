"""HAN and HGT as stacks of PyG's own layers on dense features, with the weights of ours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import HANConv, HGTConv

from graph_distillery.bench.models.heterogeneous.base import type_runs
from graph_distillery.bench.models.heterogeneous.metapaths import neighbours, parse_paths
from graph_distillery.methods.contract.graph import Graph


class StockHAN(nn.Module):
    """Attention over meta-paths on the items' features, then a linear layer."""

    def __init__(self, ours: Any, graph: Graph) -> None:
        super().__init__()
        first, layer, last = ours.layers
        found = [neighbours(graph, path) for path in parse_paths(ours.hyper.metapaths, ours.types)]
        self.edges = {
            ("item", str(number), "item"): torch.stack([each.matrix.columns, each.matrix.row_of_entry])
            for number, each in enumerate(found)
        }
        self.x = graph.dense_features()[: graph.num_targets]
        self.conv = HANConv(self.x.shape[1], layer.width, (["item"], list(self.edges)), heads=layer.heads)
        self.output = nn.Linear(layer.width, last.linear.out_features)
        with torch.no_grad():
            _copy(self.conv.proj["item"], first.linear)
            _copy(self.output, last.linear)
            _copy(self.conv.k_lin, layer.semantic)
            self.conv.q.copy_(layer.query)
            for number in range(len(found)):
                self.conv.lin_src[f"item__{number}__item"].copy_(layer.source_attention[number][None])
                self.conv.lin_dst[f"item__{number}__item"].copy_(layer.target_attention[number][None])

    def forward(self) -> Tensor:
        out: Tensor = self.output(self.conv({"item": self.x}, self.edges)["item"])
        return out


class StockHGT(nn.Module):
    """A linear map of each type's features and tanh, layers of attention, then a linear layer of the items."""

    def __init__(self, ours: Any, graph: Graph) -> None:
        super().__init__()
        runs, types = type_runs(graph), ours.types
        assert runs is not None
        spans = [run[1:] for run in runs]
        self.names = list(types.nodes)
        dense, first, last = graph.dense_features(), ours.layers[0], ours.layers[-1].linear
        self.x, maps = {}, {}
        self.edges: dict[tuple[str, str, str], Tensor] = {}
        for number, name in enumerate(types.edges):
            source, target = graph.arcs_of(number)
            kinds = [int(graph.node_type[end[0]]) for end in (source, target)]
            shifts = torch.tensor([[spans[kind][0]] for kind in kinds])
            self.edges[(self.names[kinds[0]], name, self.names[kinds[1]])] = torch.stack([source, target]) - shifts
        for number, (name, (start, end)) in enumerate(zip(self.names, spans, strict=True)):
            rows = dense[start:end]
            columns = rows.any(dim=0).nonzero().flatten()
            self.x[name] = rows[:, columns].contiguous()
            maps[name] = nn.Linear(columns.numel(), first.linear.out_features)
            maps[name].weight.data.copy_(first.linear.weight[columns].T)
            maps[name].bias.data.copy_(first.bias[number])
        self.maps, self.output = nn.ModuleDict(maps), nn.Linear(last.in_features, last.out_features)
        _copy(self.output, last)
        width, metadata = ours.hyper.hidden, (self.names, list(self.edges))
        self.convs = nn.ModuleList(HGTConv(width, width, metadata, ours.hyper.heads) for _ in ours.layers[1:-1])
        for conv, layer in zip(self.convs, ours.layers[1:-1], strict=True):
            self._take(conv, layer)

    @torch.no_grad()
    def _take(self, conv: Any, layer: Any) -> None:
        for kind, name in enumerate(self.names):
            three = [layer.key, layer.query, layer.value]
            conv.kqv_lin.lins[name].weight.copy_(torch.cat([each.weight[kind] for each in three], 1).T)
            conv.kqv_lin.lins[name].bias.copy_(torch.cat([each.bias[kind] for each in three]))
            conv.out_lin.lins[name].weight.copy_(layer.out.weight[kind].T)
            conv.out_lin.lins[name].bias.copy_(layer.out.bias[kind])
            conv.skip[name].copy_(layer.skip[kind : kind + 1])
        for number, edge in enumerate(self.edges):
            conv.p_rel["__".join(edge)].copy_(layer.prior[number][None])
        for mine, their in ((layer.key_relation, conv.k_rel.weight), (layer.value_relation, conv.v_rel.weight)):
            their.copy_(mine.transpose(0, 1).reshape(their.shape))

    def forward(self) -> Tensor:
        state = {name: torch.tanh(self.maps[name](x)) for name, x in self.x.items()}
        for conv in self.convs:
            state = conv(state, self.edges)
        out: Tensor = self.output(state[self.names[0]])
        return out


@torch.no_grad()
def _copy(theirs: Any, ours: Any) -> None:
    theirs.weight.copy_(ours.weight.T)
    theirs.bias.copy_(ours.bias)
