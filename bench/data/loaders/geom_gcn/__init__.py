"""WebKB, actor and the Wikipedia pages, as Geom-GCN publishes them."""

from __future__ import annotations
