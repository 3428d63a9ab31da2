"""HGKD, from a heterogeneous network to an MLP."""

from __future__ import annotations
