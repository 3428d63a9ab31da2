"""Several runs of one shape as one program: seeds, and configurations that differ in no shape."""

from __future__ import annotations
