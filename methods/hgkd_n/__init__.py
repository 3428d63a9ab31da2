"""HGKD-N, whose MLP also reads the means of neighbours' features."""

from __future__ import annotations
