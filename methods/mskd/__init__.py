"""Multi-scale distillation from several teachers."""

from __future__ import annotations
