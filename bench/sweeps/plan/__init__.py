"""From a spec to cells, seeds and budgets."""

from __future__ import annotations
