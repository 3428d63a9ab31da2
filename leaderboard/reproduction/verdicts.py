"""Whether a published number holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.leaderboard.reproduction.cells import Ours, Published, ReproductionCell

Kind = Literal["reproduced", "above", "below", "not judged"]
VERDICTS: tuple[Kind, ...] = ("reproduced", "above", "below", "not judged")
#: Points of half our interval's width beyond which it reproduces nothing: hardly a number could fail.
WIDEST = 5.0


@dataclass(frozen=True)
class Verdict:
    """difference: ours less theirs, in points; tolerance: what it may be; reason: of `not judged`, or a remark."""

    kind: Kind
    difference: float | None = None
    tolerance: float | None = None
    reason: str = ""

    @property
    def judged(self) -> bool:
        return self.kind != "not judged"


def judge(published: Published | None, ours: Ours, needs: str | None = None) -> Verdict:
    """`reproduced` when the means differ by at most the larger of the published standard deviation and half the width
    of our 95 % interval; `above` or `below` otherwise. Where no deviation was published, our interval alone decides.

    Not judged: what cannot be run, has no published number, comes from an unverified source, has not all its seeds,
    or would be reproduced only because ours spread over more than twice `WIDEST` points.
    """
    if needs is not None:
        return Verdict("not judged", reason=f"needs {needs}")
    summary = ours.summary
    difference = summary.mean - published.mean if summary and published else None
    if published is None:
        return Verdict("not judged", reason="no published number")
    if published.confidence == "unverified":
        return Verdict("not judged", difference, reason="the published number is unverified")
    if ours.failed:
        return Verdict("not judged", difference, reason=f"{len(ours.failed)} of {ours.expected} seeds failed")
    if summary is None or difference is None:
        return Verdict("not judged", reason="not run yet")
    if not ours.complete:
        return Verdict("not judged", difference, reason=f"{summary.n} of {ours.expected} seeds so far")
    half = None if summary.low is None or summary.high is None else (summary.high - summary.low) / 2
    known = [each for each in (published.std, half) if each is not None]
    if not known:
        return Verdict("not judged", difference, reason="neither a published deviation nor a second seed of ours")
    tolerance = max(known)
    remark = "" if published.std is not None else "no deviation was published: judged by our interval alone"
    # What is equal to the last digit printed is within it, whatever the binary fractions say.
    if abs(difference) <= tolerance + 1e-9:
        if half is not None and half > WIDEST and abs(difference) > (published.std or 0.0):
            return Verdict("not judged", difference, reason=f"ours spread too far to tell: ± {half:.1f} points")
        return Verdict("reproduced", difference, tolerance, remark)
    return Verdict("above" if difference > 0 else "below", difference, tolerance, remark)


def verdict_of(cell: ReproductionCell) -> Verdict:
    """The verdict of a cell."""
    return judge(cell.published, cell.ours, cell.needs)
