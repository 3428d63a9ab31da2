"""Framelet operators of a graph as chains of sparse factors, and the knowledge matrices made of them.

With L = I - D^-1/2 A D^-1/2, its largest eigenvalue m, dilation s and J = log_s(m / pi) + levels - 1, level l (from
1) filters g(s^(-J + l - 1) L), by a Chebyshev series, what the low-pass filters of the levels before left of it.
Every operator is a polynomial in L, so symmetric, and its degree is what it costs: no product of sparse matrices is
ever written out, let alone a dense nodes x nodes matrix. Framelets are those of undirected graphs: the direction of
arcs is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import eigsh
from torch import Tensor

from bench.models.framelets.filters import FILTERS, FilterName, band_count, chebyshev_coefficients
from bench.models.framelets.surgery import Surgery, rewire
from methods.graph import Graph
from methods.sparse import SparseMatrix, lasting

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


class ChebyshevFilter:
    """g(scale L) for one filter at one scale, applied to [nodes, width]; of degree 1 it is one sparse matrix."""

    def __init__(self, shifted: SparseMatrix, coefficients: list[float]) -> None:
        """shifted: [nodes, nodes] with spectrum in [-1, 1], every diagonal entry stored; at least two terms."""
        self.shifted, self.coefficients = shifted, coefficients
        self.folded = _affine(shifted, coefficients[1], coefficients[0] / 2) if len(coefficients) == 2 else None

    def __call__(self, x: Tensor) -> Tensor:
        if self.folded is not None:
            return self.folded @ x
        before, now = x, self.shifted @ x
        total = self.coefficients[0] / 2 * before + self.coefficients[1] * now
        for coefficient in self.coefficients[2:]:
            before, now = now, 2 * (self.shifted @ now) - before
            total = total + coefficient * now
        return total


class FrameletSystem:
    """The operators W_r of a graph, band 0 the low-pass, and its normalised adjacency for each band."""

    def __init__(self, graph: Graph, settings: FrameletSettings, dtype: torch.dtype) -> None:
        self.settings = settings
        plain = undirected(graph, settings.surgery)
        adjacency, degrees = _normalised(plain, loops=True)
        self.low_adjacency = self.high_adjacency = _cast(adjacency, dtype)
        if settings.epsilon:
            shift = settings.epsilon / degrees
            self.low_adjacency = _cast(_add_diagonal(adjacency, -shift), dtype)
            self.high_adjacency = _cast(_add_diagonal(adjacency, shift), dtype)
        self.bands = self._chains(laplacian(plain), dtype)

    def _chains(self, matrix: SparseMatrix, dtype: torch.dtype) -> list[list[ChebyshevFilter]]:
        settings = self.settings
        curves = FILTERS[settings.filter]
        series = [chebyshev_coefficients(curve, settings.terms).tolist() for curve in curves]
        largest = largest_eigenvalue(matrix)
        above: list[ChebyshevFilter] = []
        high: list[list[ChebyshevFilter]] = []
        for level in range(1, settings.level + 1):
            # s^(-J + l - 1) = pi / m * s^(l - levels), and the series runs over 2 x / pi - 1
            scale = 2 / largest * settings.dilation ** (level - settings.level)
            shifted = _cast(_affine(matrix, scale, -1.0), dtype)
            first, *rest = (ChebyshevFilter(shifted, coefficients) for coefficients in series)
            high += [[*above, each] for each in rest]
            above = [*above, first]
        return [above, *high]

    def apply(self, band: int, x: Tensor) -> Tensor:
        """W_band x, [nodes, width]."""
        for each in self.bands[band]:
            x = each(x)
        return x

    def adjacency(self, band: int) -> SparseMatrix:
        return self.high_adjacency if band else self.low_adjacency

    def knowledge(self, band: int, power: int, x: Tensor) -> Tensor:
        """(W^T A W)^power x, [nodes, width], three factors at a time."""
        for _ in range(power):
            x = self.apply(band, self.adjacency(band) @ self.apply(band, x))
        return x


def framelet_system(graph: Graph, settings: FrameletSettings, dtype: torch.dtype) -> FrameletSystem:
    """The operators of a graph, worked out once in float64 and kept with it in `dtype`."""
    key = ("framelets", settings, dtype)
    if key not in graph._cache:
        with lasting():
            graph._cache[key] = FrameletSystem(graph, settings, dtype)
    system: FrameletSystem = graph._cache[key]
    return system


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
