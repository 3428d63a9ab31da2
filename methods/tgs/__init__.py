"""Teacher-free graph self-distillation."""

from __future__ import annotations
