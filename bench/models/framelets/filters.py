"""Filter banks of undecimated framelets and their Chebyshev series (Zheng et al., ICML 2021, section 4).

A bank is one low-pass filter and some high-pass filters on the spectrum [0, pi], the low-pass first. A bank is
tight when the squares of its filters add up to 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
FilterName = Literal["haar", "linear", "quadratic", "low-pass"]

_POINTS = 500  # of the trapezoid rule; the integrand is smooth, even and periodic, so the rule converges at once


def _sines(power: int, other: int, scale: float) -> Curve:
    """scale * cos(x/2)^power * sin(x/2)^other"""
    return lambda x: scale * np.cos(x / 2) ** power * np.sin(x / 2) ** other


#: low-pass alone is Haar's without its high-pass filter: an ablation, and not tight.
FILTERS: Mapping[str, tuple[Curve, ...]] = {
    "haar": (_sines(1, 0, 1.0), _sines(0, 1, 1.0)),
    "linear": (_sines(2, 0, 1.0), _sines(1, 1, 2**0.5), _sines(0, 2, 1.0)),
    "quadratic": (_sines(3, 0, 1.0), _sines(2, 1, 3**0.5), _sines(1, 2, 3**0.5), _sines(0, 3, 1.0)),
    "low-pass": (_sines(1, 0, 1.0),),
}


def chebyshev_coefficients(curve: Curve, terms: int) -> NDArray[np.float64]:
    """[terms] c_k with g(x) ~ c_0 / 2 + sum_k>0 c_k T_k(2 x / pi - 1) on [0, pi].

    c_k = (2 / pi) int_0^pi cos(k t) g(pi / 2 (cos t + 1)) dt.
    """
    angles = np.linspace(0.0, np.pi, _POINTS)
    values = curve(np.pi / 2 * (np.cos(angles) + 1))
    orders = np.arange(terms)[:, None]
    return np.asarray(2 / np.pi * np.trapezoid(np.cos(orders * angles) * values, angles, axis=1))


def band_count(name: FilterName, level: int) -> int:
    """How many bands a bank has over `level` levels: the low-pass of the coarsest, every high-pass of each."""
    return 1 + level * (len(FILTERS[name]) - 1)
