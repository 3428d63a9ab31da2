"""NOSMOG."""

from __future__ import annotations
