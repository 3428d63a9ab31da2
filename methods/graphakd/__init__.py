"""Graph adversarial knowledge distillation."""

from __future__ import annotations
