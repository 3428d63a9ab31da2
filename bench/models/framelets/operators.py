"""Framelet operators of a graph as chains of sparse factors, and the knowledge matrices made of them.

With L = I - D^-1/2 A D^-1/2, its largest eigenvalue m, dilation s and J = log_s(m / pi) + levels - 1, level l (from
1) filters g(s^(-J + l - 1) L), by a Chebyshev series, what the low-pass filters of the levels before left of it.
Every operator is a polynomial in L, so symmetric, and its degree is what it costs: no product of sparse matrices is
ever written out, let alone a dense nodes x nodes matrix. Framelets are those of undirected graphs: the direction of
arcs is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import eigsh
from torch import Tensor

from graph_distillery.bench.models.framelets.filters import FILTERS, FilterName, band_count, chebyshev_coefficients
from graph_distillery.bench.models.framelets.surgery import Surgery, rewire
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix, lasting

_SMALL = 64  # nodes; below, all eigenvalues are found rather than the largest


@dataclass(frozen=True)
class FrameletSettings:
    """What decides the operators of a graph.

    terms: of the Chebyshev series, so one more than its degree. epsilon: of A_low = A - epsilon diag(1 / degree) and
    A_high = A + epsilon diag(1 / degree). surgery: None leaves the edges as they are.
    """

    filter: FilterName = "haar"
    terms: int = 2
    dilation: float = 2.0
    level: int = 1
    epsilon: float = 0.0
    surgery: Surgery | None = None

    @property
    def bands(self) -> int:
        return band_count(self.filter, self.level)

    def products(self, band: int) -> int:
        """Sparse products that one application of a band's operator takes."""
        stages = self.level if band == 0 else 1 + (band - 1) // (len(FILTERS[self.filter]) - 1)
        return stages * (self.terms - 1)


class FrameletSystem:
    """The operators W_r of a graph, band 0 the low-pass, and its normalised adjacency A_r for each band.

    Bands share the products with L and A: what belongs to each of them, [nodes, width], stands side by side in one
    [nodes, bands * width] matrix, in the order of `in_order`, and a term of all their series is one sparse product.
    """

    def __init__(self, graph: Graph, settings: FrameletSettings, dtype: torch.dtype) -> None:
        self.settings, self.dtype = settings, dtype
        plain = undirected(graph, settings.surgery)
        adjacency, degrees = _normalised(plain, loops=True)
        self.adjacency = _cast(adjacency, dtype)
        self.shift = (settings.epsilon / degrees).to(dtype)[:, None]
        matrix = laplacian(plain)
        largest = largest_eigenvalue(matrix)
        # s^(-J + l - 1) = pi / m * s^(l - levels), and the series runs over 2 x / pi - 1
        scales = (2 / largest * settings.dilation ** (level - settings.level) for level in range(1, settings.level + 1))
        self.shifted = [_cast(_affine(matrix, scale, -1.0), dtype) for scale in scales]
        self._stages: dict[tuple[tuple[int, ...], int], list[_Stage]] = {}

    def in_order(self, bands: Iterable[int]) -> tuple[int, ...]:
        """By level, the low-pass last: so the bands that a level still works on are the last ones."""
        return tuple(sorted(bands, key=lambda band: band or self.settings.bands))

    def apply(self, bands: tuple[int, ...], x: Tensor) -> Tensor:
        """W_r x_r side by side; x: [nodes, bands * width]."""
        for stage in self._stages_of(bands, x.shape[1] // len(bands)):
            x = stage(x)
        return x

    def spread(self, bands: tuple[int, ...], x: Tensor) -> Tensor:
        """A_r x_r side by side; x: [nodes, bands * width]."""
        product = self.adjacency @ x
        if not self.settings.epsilon:
            return product
        signs = torch.tensor([1.0 if band else -1.0 for band in bands], dtype=x.dtype, device=x.device)
        return product + self.shift * x * signs.repeat_interleave(x.shape[1] // len(bands))

    def knowledge(self, bands: tuple[int, ...], power: int, x: Tensor) -> Tensor:
        """(W_r^T A_r W_r)^power x_r side by side, three factors at a time; x: [nodes, bands * width]."""
        for _ in range(power):
            x = self.apply(bands, self.spread(bands, self.apply(bands, x)))
        return x

    def _stages_of(self, bands: tuple[int, ...], width: int) -> list[_Stage]:
        """A stage a level; worked out once for these bands at this width."""
        if (bands, width) not in self._stages:
            with lasting():
                self._stages[bands, width] = list(self._make_stages(bands, width))
        return self._stages[bands, width]

    def _make_stages(self, bands: tuple[int, ...], width: int) -> Iterator[_Stage]:
        curves = FILTERS[self.settings.filter]
        series = torch.tensor(np.stack([chebyshev_coefficients(curve, self.settings.terms) for curve in curves]))
        series[:, 0] /= 2
        for level, shifted in enumerate(self.shifted):
            own = {1 + level * (len(curves) - 1) + index: 1 + index for index in range(len(curves) - 1)}
            active = [band for band in bands if band == 0 or band >= min(own, default=1)]
            if active:
                coefficients = series[[own.get(band, 0) for band in active]].repeat_interleave(width, dim=0)
                columns = coefficients.to(self.dtype).to(shifted.device).t().contiguous()
                yield _Stage((len(bands) - len(active)) * width, shifted, columns.unbind())


@dataclass(frozen=True)
class _Stage:
    """A Chebyshev series in `shifted`, of its own for each column from `start` on; those before are done.

    shifted: [nodes, nodes] with spectrum in [-1, 1]; coefficients: a row for each term, at least two.
    """

    start: int
    shifted: SparseMatrix
    coefficients: tuple[Tensor, ...]

    def __call__(self, x: Tensor) -> Tensor:
        before = x[:, self.start :] if self.start else x
        now = self.shifted @ before
        total = torch.addcmul(before * self.coefficients[0], now, self.coefficients[1])
        for coefficient in self.coefficients[2:]:
            before, now = now, 2 * (self.shifted @ now) - before
            total = torch.addcmul(total, now, coefficient)
        return torch.cat([x[:, : self.start], total], dim=1) if self.start else total


def framelet_system(graph: Graph, settings: FrameletSettings, dtype: torch.dtype) -> FrameletSystem:
    """The operators of a graph, worked out once in float64 and kept with it in `dtype`."""
    return graph.cached(("framelets", settings, dtype), lambda: FrameletSystem(graph, settings, dtype))


def undirected(graph: Graph, surgery: Surgery | None = None) -> Graph:
    """The same nodes under float64 features, every arc in both directions, rewired if asked for."""
    source, target = graph.edge_index
    codes = torch.cat([source * graph.num_nodes + target, target * graph.num_nodes + source]).unique()
    edges = torch.stack([codes // max(graph.num_nodes, 1), codes % max(graph.num_nodes, 1)])
    if surgery is not None:
        edges = torch.from_numpy(rewire(edges.cpu().numpy(), graph.num_nodes, surgery)).to(edges.device)
    return Graph(torch.empty(graph.num_nodes, 0, dtype=torch.float64, device=edges.device), edges, graph.graph_pointers)


def laplacian(graph: Graph) -> SparseMatrix:
    """I - D^-1/2 A D^-1/2 of an undirected graph, float64; 1 on the diagonal, for an isolated node as well."""
    matrix, _ = _normalised(graph, loops=False)
    return _affine(matrix, -1.0, 1.0)


def largest_eigenvalue(matrix: SparseMatrix) -> float:
    """Of a symmetric matrix; to about 1e-8, and the same in every run."""
    nodes = matrix.shape[0]
    if nodes <= _SMALL:
        return float(torch.linalg.eigvalsh(matrix.to_dense())[-1])
    parts = [part.cpu().numpy() for part in (matrix.values, matrix.columns, matrix.row_pointers)]
    start = np.random.Generator(np.random.PCG64(0)).standard_normal(nodes)
    found = eigsh(csr_matrix(tuple(parts), shape=matrix.shape), k=1, which="LA", v0=start, tol=1e-8)
    return float(found[0][0])


def _normalised(graph: Graph, loops: bool) -> tuple[SparseMatrix, Tensor]:
    """D^-1/2 A D^-1/2 with every diagonal entry stored (0 without `loops`), and D, loops included."""
    source, target = graph.edge_index
    nodes = torch.arange(graph.num_nodes, device=graph.device)
    degrees = torch.bincount(target, minlength=graph.num_nodes).double() + float(loops)
    scale = degrees.clamp(min=1).rsqrt()
    on_diagonal = scale * scale if loops else torch.zeros_like(scale)
    values = torch.cat([scale[source] * scale[target], on_diagonal])
    shape = (graph.num_nodes, graph.num_nodes)
    places = torch.cat([target, nodes]), torch.cat([source, nodes])
    return SparseMatrix.from_entries(*places, values, shape), degrees


def _add_diagonal(matrix: SparseMatrix, diagonal: Tensor) -> SparseMatrix:
    """matrix + diag(diagonal); every diagonal entry is stored."""
    on_it = matrix.row_of_entry == matrix.columns
    values = matrix.values.clone()
    values[on_it] += diagonal
    return matrix.with_values(values)


def _affine(matrix: SparseMatrix, factor: float, shift: float) -> SparseMatrix:
    """factor * matrix + shift * I"""
    scaled = matrix.with_values(factor * matrix.values)
    return _add_diagonal(scaled, torch.full((matrix.shape[0],), shift, dtype=matrix.values.dtype, device=matrix.device))


def _cast(matrix: SparseMatrix, dtype: torch.dtype) -> SparseMatrix:
    return matrix.with_values(matrix.values.to(dtype))
