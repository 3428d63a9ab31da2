"""HG2M, from a heterogeneous network to an MLP by reliable items and reliable pairs of them."""

from __future__ import annotations
