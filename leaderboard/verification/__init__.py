"""Whether a published board says what its records say."""

from __future__ import annotations
