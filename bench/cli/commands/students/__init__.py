"""What is done with trained students: a module per command."""

from __future__ import annotations
