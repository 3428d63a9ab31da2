"""Framelets on graphs: filters, operators, graph surgery, and the teachers and students made of them."""

from __future__ import annotations
