"""Global structure preserving distillation joined with `kd`."""

from __future__ import annotations
