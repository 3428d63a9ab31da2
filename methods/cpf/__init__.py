"""CPF: a student of label propagation and a feature transformation."""

from __future__ import annotations
