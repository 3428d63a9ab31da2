"""Says in each picture of a board which numbers it was drawn from: `distillery verify` can tell without drawing.

A stamp is three words: the picture's name, its place (the slug of a comparison, or the number of an overall table),
and the SHA-256 of that place's part of `leaderboard.json`, of which the picture shows no more than a part.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

_PNG = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"Numbers\0"
_HEAD = 8 + 25  # the signature and the first chunk, which describes the image
_IN_SVG = re.compile(r"<dc:identifier>([\w.-]+ [\w.-]+ [0-9a-f]{64})</dc:identifier>")
_OPENS = "<cc:Work>"  # of matplotlib's metadata


def digests(document: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of every place's numbers; the document as it is read from `leaderboard.json`."""
    found = {each["slug"]: _digest(each) for each in document["comparisons"]}
    for number, each in enumerate(document["overall"], start=1):
        found[str(number)] = _digest([each, [found[slug] for slug in each["comparisons"]]])
    return found


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def stamped_png(png: bytes, stamp: str) -> bytes:
    """The picture with the stamp as a text chunk (PNG, section 11.3.3.2)."""
    body = b"tEXt" + _KEYWORD + stamp.encode("ascii")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEAD] + chunk + png[_HEAD:]


def stamped_svg(svg: str, stamp: str) -> str:
    """The picture with the stamp in its metadata."""
    return svg.replace(_OPENS, f"{_OPENS}\n    <dc:identifier>{stamp}</dc:identifier>", 1)


def without_stamp(svg: str) -> str:
    """An SVG's text less its stamp, which is compared by itself."""
    return re.sub(rf"\n    {_IN_SVG.pattern}", "", svg, count=1)


def stamp_in(content: bytes) -> tuple[str, str, str] | None:
    """Name, place and digest of a picture's stamp; None where it has none."""
    if content.startswith(_PNG):
        at = content.find(b"tEXt" + _KEYWORD)
        size = struct.unpack(">I", content[at - 4 : at])[0] - len(_KEYWORD) if at >= _HEAD else 0
        start = at + 4 + len(_KEYWORD)
        words = content[start : start + size].decode("latin-1").split(" ")
    else:
        found = _IN_SVG.search(content.decode("utf-8", errors="replace"))
        words = found[1].split(" ") if found else []
    return (words[0], words[1], words[2]) if len(words) == 3 else None
