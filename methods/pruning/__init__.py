"""A teacher without some of its weights, trained anew."""

from __future__ import annotations
