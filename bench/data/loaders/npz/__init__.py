"""Coauthor, Amazon and CitationFull graphs."""

from __future__ import annotations
