"""Where nodes stand in their own graph of many, by eigenvectors of its Laplacian."""

from __future__ import annotations
