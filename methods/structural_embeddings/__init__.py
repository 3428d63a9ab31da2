"""A teacher with an embedding for each node in its layers."""

from __future__ import annotations
