"""HIRE, first- and second-order distillation of heterogeneous networks."""

from __future__ import annotations
