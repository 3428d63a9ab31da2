"""Online adversarial distillation."""

from __future__ import annotations
