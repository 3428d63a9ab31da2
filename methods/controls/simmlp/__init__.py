"""SimMLP."""

from __future__ import annotations
