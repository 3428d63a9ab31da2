"""The majority class."""

from __future__ import annotations
