"""Graph contrastive representation distillation joined with `kd`."""

from __future__ import annotations
