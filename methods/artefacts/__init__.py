"""What is computed once for a dataset and settings and handed to every trial; a folder per artefact."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ARTEFACTS, ArtefactInfo

__all__ = ["ARTEFACTS", "ArtefactInfo"]
