"""KRD."""

from __future__ import annotations
