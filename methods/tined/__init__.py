"""TINED, teacher-injected MLPs."""

from __future__ import annotations
