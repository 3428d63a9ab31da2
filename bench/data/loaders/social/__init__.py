"""Networks of users, pages, articles and airports, whose source publishes no split but for Wiki-CS."""

from __future__ import annotations
