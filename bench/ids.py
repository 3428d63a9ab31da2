"""Ids are hashes of content."""

from __future__ import annotations

import re

from graph_distillery.bench.records.identity import content_id

__all__ = ["content_id", "is_id"]

_ID = re.compile(r"[0-9a-f]{16}")


def is_id(text: str) -> bool:
    """Whether this is such an id, and so safe as the name of a folder."""
    return bool(_ID.fullmatch(text))
