"""The citation graphs of Planetoid."""

from __future__ import annotations
