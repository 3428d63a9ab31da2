"""GNN self-distillation."""

from __future__ import annotations
