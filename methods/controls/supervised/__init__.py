"""The student alone."""

from __future__ import annotations
