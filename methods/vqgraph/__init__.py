"""VQGraph, distillation of code assignments."""

from __future__ import annotations
