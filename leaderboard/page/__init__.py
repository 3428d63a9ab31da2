"""The board as one HTML file that needs nothing else: no server, no network, no neighbouring file."""

from __future__ import annotations

from graph_distillery.leaderboard.page.render import render_page

__all__ = ["render_page"]
