"""How much the features of each node resemble those around all others (Eskandari et al., TMLR 2026)."""

from __future__ import annotations
