"""DFAD-GNN, data-free adversarial distillation (Zhuang et al., IJCAI 2022)."""

from __future__ import annotations
