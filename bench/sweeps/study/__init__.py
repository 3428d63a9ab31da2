"""One cell's search: proposals, pruning, the winner."""

from __future__ import annotations
