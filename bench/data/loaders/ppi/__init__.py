"""Protein interactions in 24 tissues."""

from __future__ import annotations
