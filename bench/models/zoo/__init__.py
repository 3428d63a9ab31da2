"""Models of others: any `torch.nn.Module`, and PyG's `BasicGNN` family, as models of the suite."""

from __future__ import annotations
