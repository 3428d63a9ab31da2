"""The heterophilous graphs of Platonov et al. (2023)."""

from __future__ import annotations
