"""Pairs of nodes of the datasets of one graph."""

from __future__ import annotations
