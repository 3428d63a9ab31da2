"""The data folder's cache of teachers and artefacts, which every store of a machine takes from and adds to."""

from __future__ import annotations
