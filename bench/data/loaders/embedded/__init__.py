"""Real datasets that come with a library we depend on."""

from __future__ import annotations
