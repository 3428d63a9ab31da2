"""TensorBoard, MLflow and Weights & Biases, told of a sweep."""

from __future__ import annotations
