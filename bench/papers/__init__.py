"""Tables of papers as data: what was published, under which protocol, and the runs that set ours beside it."""

from __future__ import annotations

from bench.papers.library import find_tables, read_table, table_names
from bench.papers.schema import Column, Number, Row, Table
from bench.papers.stages import Stage, stages_of

__all__ = ["Column", "Number", "Row", "Stage", "Table", "find_tables", "read_table", "stages_of", "table_names"]
