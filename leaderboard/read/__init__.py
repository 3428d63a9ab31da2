"""Stores in: records, runs and the rows they make."""

from __future__ import annotations
