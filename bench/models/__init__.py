"""Teacher and student networks: MLP, GCN, GraphSAGE, GAT, GIN and APPNP, on sparse layers of our own."""

from __future__ import annotations
