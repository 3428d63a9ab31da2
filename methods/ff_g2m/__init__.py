"""FF-G2M."""

from __future__ import annotations
