"""Positions by factorisation: NetMF's matrix of co-occurrence, and the Laplacian."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.methods.artefacts.positions.walks import Neighbours

#: Above this many nodes NetMF's matrix is not formed, whose entries grow with the square.
MOST_NODES = 30_000
#: After word2vec, b of Qiu et al.
_NEGATIVES = 1
_ROWS = 512


def laplacian_positions(neighbours: Neighbours, dim: int) -> Tensor:
    """[nodes, dim] float64: eigenvectors of I - D^-1/2 A D^-1/2, the least eigenvalues first, but for the very first.

    Every column has mean square 1 and its greatest entry in size positive. Missing columns, of a graph with too few
    nodes, are 0.
    """
    size, degrees = neighbours.degrees.numel(), neighbours.degrees.double().clamp(min=1)
    scale = degrees.rsqrt()
    values = scale[neighbours.rows] * scale[neighbours.columns]
    _, vectors = _largest(_csr(neighbours, values), dim + 1)
    return _columns(vectors[:, 1:] * size**0.5, dim)


def netmf_positions(neighbours: Neighbours, dim: int, window: int) -> Tensor:
    """[nodes, dim] float64: U sqrt(S), of the singular value decomposition of rank dim of log max(M, 1).

    M = vol / (b window) (sum of P^r, r = 1 .. window) D^-1, P = D^-1 A, b = 1 (Qiu et al., WSDM 2018, algorithm 3). The
    powers are exact, formed for some rows at a time; kept is what is above 1.

    Raises:
        ValueError: the graph has too many nodes.
    """
    size = neighbours.degrees.numel()
    if size > MOST_NODES:
        raise ValueError(f"position 'netmf': {size} nodes, more than {MOST_NODES}; take 'deepwalk'")
    values, vectors = _largest(_log_co_occurrence(neighbours, window), dim, by_size=True)
    return _columns(vectors * np.sqrt(np.abs(values)), dim)


def _log_co_occurrence(neighbours: Neighbours, window: int) -> Any:
    from scipy import sparse

    size, degrees = neighbours.degrees.numel(), neighbours.degrees.double().clamp(min=1).numpy()
    walk = _csr(neighbours, torch.from_numpy(1 / degrees)[neighbours.rows])
    volume = neighbours.columns.numel() / (_NEGATIVES * window)
    parts = []
    for start in range(0, size, _ROWS):
        end = min(start + _ROWS, size)
        state = sparse.eye_array(end - start, size, k=start, format="csr").toarray()
        total = np.zeros_like(state)
        for _ in range(window):
            state = state @ walk
            total += state
        parts.append(sparse.csr_array(np.log(np.maximum(total * (volume / degrees), 1))))
    return sparse.vstack(parts, format="csr")


def _csr(neighbours: Neighbours, values: Tensor) -> Any:
    from scipy import sparse

    size = neighbours.degrees.numel()
    entries = (values.numpy(), neighbours.columns.numpy(), neighbours.pointers.numpy())
    return sparse.csr_array(entries, shape=(size, size))


def _largest(matrix: Any, count: int, by_size: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Up to `count` eigenvalues of a symmetric matrix, the largest first (by_size: in absolute value), and vectors.

    Of a symmetric matrix the singular values are the sizes of the eigenvalues, with the same vectors.
    """
    from scipy.sparse.linalg import eigsh

    size = matrix.shape[0]
    if size <= 2 * count + 2:
        values, vectors = np.linalg.eigh(matrix.toarray())
    else:
        start = np.random.Generator(np.random.PCG64(0)).uniform(-1, 1, size)
        values, vectors = eigsh(matrix, k=count, which="LM" if by_size else "LA", v0=start)
    order = np.argsort(-np.abs(values) if by_size else -values, kind="stable")[:count]
    return values[order], vectors[:, order]


def _columns(vectors: NDArray[np.float64], dim: int) -> Tensor:
    """Signs fixed, and columns of zeros for those that are missing."""
    found = np.zeros((vectors.shape[0], dim))
    for number, column in enumerate(vectors.T[:dim]):
        found[:, number] = column * (1 if column[np.abs(column).argmax()] >= 0 else -1)
    return torch.from_numpy(found)
