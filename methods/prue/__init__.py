"""PrUE: distillation from a sparse teacher."""

from __future__ import annotations
