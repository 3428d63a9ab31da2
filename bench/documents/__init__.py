"""What is written or photographed for the repository's own pages."""

from __future__ import annotations
