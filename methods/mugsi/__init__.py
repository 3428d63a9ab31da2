"""MuGSI."""

from __future__ import annotations
