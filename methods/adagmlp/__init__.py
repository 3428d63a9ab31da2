"""AdaGMLP."""

from __future__ import annotations
