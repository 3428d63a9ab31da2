"""Where nodes stand in the graph, as columns: DeepWalk, NetMF, or eigenvectors of the Laplacian."""

from __future__ import annotations
