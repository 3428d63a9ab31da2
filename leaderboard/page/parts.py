"""What the page's template reads: sections with their words and pictures; their tables are the script's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from graph_distillery.leaderboard.tables.comparison import Comparison


@dataclass(frozen=True)
class Figure:
    """A picture inside the page."""

    name: str
    title: str
    caption: str
    svg: Markup

    @property
    def heading(self) -> str:
        """What kind of picture it is; the rest of the title says of what."""
        return self.title.partition(":")[0]


@dataclass(frozen=True)
class Section:
    """An overall table, or one comparison; ``place`` is its number in the document, ``linked`` pictures beside it."""

    slug: str
    place: int
    title: str
    lead: str
    overall: bool
    protocol: str = ""
    models: str = ""
    figures: list[Figure] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MethodPart:
    """A method of the board: what the suite knows of it, nothing of a plug-in's."""

    name: str
    title: str = ""
    paper: str = ""
    venue: str = ""
    url: str = ""
    family: str = ""
    status: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(name: str, facts: Mapping[str, Any] | None) -> MethodPart:
        if facts is None:
            return MethodPart(name)
        venue = " ".join(str(each) for each in (facts["venue"], facts["year"]) if each)
        named = {key: facts[key] for key in ("title", "paper", "url", "family", "status", "variants")}
        return MethodPart(name, venue=venue, **named)


def protocol(comparison: Comparison) -> str:
    return f"{comparison.data.setting}, {comparison.data.split}"


def models(teacher: str | None, student: str) -> str:
    return f"{teacher} → {student}" if teacher else f"{student}, no teacher"
