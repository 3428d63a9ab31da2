"""Graph classification sets of TUDataset."""

from __future__ import annotations
