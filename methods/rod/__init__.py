"""ROD: heads of several receptive fields that teach each other."""

from __future__ import annotations
