"""The communities that the nodes of each graph fall into."""

from __future__ import annotations
