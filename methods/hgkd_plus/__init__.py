"""HGKD+, from several heterogeneous networks to an MLP."""

from __future__ import annotations
