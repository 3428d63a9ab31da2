"""A teacher whose first hidden states are codes of a codebook."""

from __future__ import annotations
