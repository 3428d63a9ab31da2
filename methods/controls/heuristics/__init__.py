"""Scores of pairs that the edges alone give: what every predictor of links is to be held against."""

from __future__ import annotations
