"""What a sweep will cost, and what of it fits a budget of hours."""

from __future__ import annotations
