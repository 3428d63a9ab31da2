"""Trained students outside of their sweep: kept in a store, loaded, asked for predictions, exported."""

from __future__ import annotations
