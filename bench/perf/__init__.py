"""`distillery perf`: speed as ratios measured in one run."""

from __future__ import annotations
