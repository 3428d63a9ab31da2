"""The run folder of a sweep: records, teachers, facts, signs of life."""

from __future__ import annotations
