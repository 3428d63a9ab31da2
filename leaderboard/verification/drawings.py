"""Compares a published page and its pictures with those that the records give.

Text, style and script are compared to the last byte, and so is what stands where. Two processors may differ in the last
digit of a sum, so the numbers that a page embeds may do so too, and what a picture places may be a pixel off, which
nobody sees.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator

from graph_distillery.leaderboard.plots.stamps import without_stamp

#: What a page holds that is not compared word by word, in the order of the groups: data, script, style, figure.
_PARTS = re.compile(
    r'(?P<data><script type="application/json"[^>]*>.*?</script>)|(?P<script><script\b.*?</script>)'
    r"|(?P<style><style\b.*?</style>)|(?P<picture><svg\b.*?</svg>)",
    re.DOTALL,
)
_PLACED = re.compile(r'(?<= )(?:d|x|y|x1|x2|y1|y2|width|height|transform|points|viewBox|cx|cy|r)="([^"]*)"')
_ID = re.compile(r'(?<= )id="([^"]+)"')
_REFERENCE = re.compile(r'(?<=url\(#)[^)]+|(?<=href="#)[^"]+')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_FLOAT = re.compile(r"(?<![\w.\"#])-?\d+\.\d+(?:[eE][-+]?\d+)?(?![\w.])")
_PIXEL = 1.0  # how far apart two drawings of one thing may place it, in points
_BLOCK, _SHADE = 6, 24  # pixels, and shades of 256, that the mean of a block of pixels may differ by
_DIGITS = 1e-6  # embedded numbers have seven digits


def parts_of(page: str) -> tuple[str, list[tuple[str, str]]]:
    """The page with a mark where each part stood, and the parts: kind (data, script, style, picture) and text."""
    found: list[tuple[str, str]] = []

    def taken(part: re.Match[str]) -> str:
        kind = part.lastgroup or ""
        found.append((kind, part[0]))
        return f"\0{kind}\0"

    return _PARTS.sub(taken, page), found


def differing_parts(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """The parts that say something else: which, and both texts; they are paired in order."""
    same: dict[str, Callable[[str, str], bool]] = {"data": same_data, "picture": same_drawing}
    counts: dict[str, int] = {}
    for (kind, one), (other_kind, other) in zip(ours, theirs, strict=False):
        counts[kind] = counts.get(kind, 0) + 1
        alike = same.get(kind, str.__eq__)
        if kind != other_kind or not alike(one, other):
            yield f"{kind} {counts[kind]}", one, other


def same_data(one: str, other: str) -> bool:
    """Embedded JSON: the same but for the seventh digit of its floats."""
    if one == other:
        return True
    ours, theirs = _FLOAT.findall(one), _FLOAT.findall(other)
    near = len(ours) == len(theirs) and all(
        math.isclose(float(a), float(b), rel_tol=_DIGITS, abs_tol=1e-12) for a, b in zip(ours, theirs, strict=True)
    )
    return near and _FLOAT.sub("#", one) == _FLOAT.sub("#", other)


def same_drawing(one: str, other: str) -> bool:
    """Two SVG texts: the same elements with the same words and styles, each where the other has it."""
    one, other = _renamed(without_stamp(one)), _renamed(without_stamp(other))
    if one == other:
        return True
    ours, theirs = _PLACED.findall(one), _PLACED.findall(other)
    if len(ours) != len(theirs) or _PLACED.sub("#", one) != _PLACED.sub("#", other):
        return False
    return all(_same_place(a, b) for a, b in zip(ours, theirs, strict=True))


def _renamed(svg: str) -> str:
    """With ids by their order: the drawing library makes them of the coordinates' last digits."""
    names: dict[str, str] = {}
    svg = _ID.sub(lambda found: f'id="{names.setdefault(found[1], f"i{len(names)}")}"', svg)
    return _REFERENCE.sub(lambda found: names.get(found[0], found[0]), svg)


def _same_place(one: str, other: str) -> bool:
    if one == other:
        return True
    ours, theirs = _NUMBER.findall(one), _NUMBER.findall(other)
    if len(ours) != len(theirs) or _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    return all(abs(float(a) - float(b)) <= _PIXEL for a, b in zip(ours, theirs, strict=True))


def same_image(one: bytes, other: bytes) -> bool:
    """Two PNG files: of one size, and no block of pixels of another shade."""
    import numpy as np
    from PIL import Image

    if one == other:
        return True
    shades = []
    sizes = set()
    for content in (one, other):
        try:
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                sizes.add(image.size)
                if len(sizes) > 1:
                    return False
                shades.append(np.asarray(image.convert("RGB"), dtype=np.float32))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return False
    apart = shades[0] - shades[1]
    height, width = (size - size % _BLOCK for size in apart.shape[:2])
    blocks = apart[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3).mean(axis=(1, 3))
    edge = max((float(np.abs(rest).mean()) for rest in (apart[height:], apart[:, width:]) if rest.size), default=0.0)
    return bool(np.abs(blocks).max(initial=0.0) <= _SHADE and edge <= _SHADE)
