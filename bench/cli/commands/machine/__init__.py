"""The commands for this machine: whether it is in order, how fast the suite is on it, what it keeps for all stores."""

from __future__ import annotations
