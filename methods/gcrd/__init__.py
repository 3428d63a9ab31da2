"""Graph contrastive representation distillation."""

from __future__ import annotations
