"""The nearest valid name: what every message about a name that is not there ends with.

It stands beside the rooms, which may not know each other and all need it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

#: Ratcliff and Obershelp's ratio from which on a name counts as near.
_CUTOFF = 0.6
#: More valid names than this are counted, not listed.
_MOST_LISTED = 40
#: What is longer cannot be a slip of the fingers, and takes long to compare.
_LONGEST = 80


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` most likely meant, ignoring case, or None."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(valid, reverse=True)}
    meant = name[:_LONGEST].casefold()
    found = difflib.get_close_matches(meant, list(by_folded), n=3, cutoff=_CUTOFF)
    if not found:
        return None

    def likeness(candidate: str) -> tuple[float, bool, bool]:
        """Of two that are as near, letters that were swapped are the likelier slip, and the first letter the rarer."""
        ratio = difflib.SequenceMatcher(None, candidate, meant).ratio()
        return ratio, sorted(candidate) == sorted(meant), candidate[:1] == meant[:1]

    return by_folded[max(found, key=likeness)]


def did_you_mean(near: str) -> str:
    """The question itself."""
    return f"did you mean {near!r}?"


def hint(name: str, valid: Iterable[str], otherwise: str = "the valid ones are") -> str:
    """`did you mean 'glnn'?`; with no near name `the valid ones are ...`, or their number where they are many."""
    names = list(dict.fromkeys(valid))
    near = nearest(name, names)
    if near is not None:
        return did_you_mean(near)
    if not names:
        return "there is none"
    return f"{otherwise} {', '.join(names)}" if len(names) <= _MOST_LISTED else f"{len(names)} names are valid"


def unknown_line(kind: str, name: str, valid: Iterable[str]) -> str:
    """The one line for a name that is not there.

    >>> unknown_line("field", "nmae", ["name", "kind"])
    "unknown field 'nmae'; did you mean 'name'?"
    """
    shown = repr(name[: 2 * _LONGEST])
    shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
    return f"unknown {kind} {shown}; {hint(name, valid)}"


def literal_hint(given: object, expected: str) -> str:
    """What to add to pydantic's message about a word that is none of those it lists: `; did you mean 'kd'?`, or ''.

    expected: pydantic's list, as `'kd', 'glnn' or 'lsp'`.
    """
    near = nearest(given, re.findall(r"'([^']*)'", expected)) if isinstance(given, str) else None
    return f"; {did_you_mean(near)}" if near is not None else ""
