"""Tables of papers as data: what was published, under which protocol, and the runs that set ours beside it."""

from __future__ import annotations

from graph_distillery.bench.papers.library import find_tables, read_table, table_names
from graph_distillery.bench.papers.schema import Column, Number, Row, Table
from graph_distillery.bench.papers.stages import Stage, stages_of

__all__ = ["Column", "Number", "Row", "Stage", "Table", "find_tables", "read_table", "stages_of", "table_names"]
