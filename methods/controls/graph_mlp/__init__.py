"""Graph-MLP (Hu et al. 2021)."""

from __future__ import annotations
