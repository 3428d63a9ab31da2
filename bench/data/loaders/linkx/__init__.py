"""The non-homophilous graphs of LINKX that PyG loads."""

from __future__ import annotations
