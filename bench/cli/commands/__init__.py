"""One thin module per command of `distillery`."""

from __future__ import annotations
