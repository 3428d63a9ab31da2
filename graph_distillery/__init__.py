"""Hyperparameter search and benchmarking for knowledge distillation on graph neural networks.

The four rooms are `graph_distillery.methods`, `.search_spaces`, `.bench` and `.leaderboard`; in a checkout they are
symbolic links to the folders beside this one. Importing this package loads neither torch nor ray.
"""

from __future__ import annotations
