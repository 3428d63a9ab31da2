"""Knowledge distillation from logits."""

from __future__ import annotations
