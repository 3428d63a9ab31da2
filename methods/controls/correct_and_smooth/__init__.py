"""Correct and smooth (Huang et al. 2021)."""

from __future__ import annotations
