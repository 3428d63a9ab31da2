"""Global structure preserving distillation."""

from __future__ import annotations
