"""Ids are hashes of content."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

_ID = re.compile(r"[0-9a-f]{16}")


def content_id(content: Any) -> str:
    """16 hex digits of the SHA-256 of the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def is_id(text: str) -> bool:
    """Whether this is such an id, and so safe as the name of a folder."""
    return bool(_ID.fullmatch(text))
