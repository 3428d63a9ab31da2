"""LinkDist without the graph at inference."""

from __future__ import annotations
