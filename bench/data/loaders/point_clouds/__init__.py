"""Point clouds: graphs without edges."""

from __future__ import annotations
