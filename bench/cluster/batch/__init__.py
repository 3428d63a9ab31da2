"""Batch systems: Slurm, PBS and LSF."""

from __future__ import annotations
