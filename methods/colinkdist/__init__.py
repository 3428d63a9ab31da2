"""CoLinkDist, which reads a node's neighbours at inference."""

from __future__ import annotations
