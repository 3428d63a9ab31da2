"""Predictions of a trained method, where one forward pass over the whole graph is not the way."""

from __future__ import annotations
