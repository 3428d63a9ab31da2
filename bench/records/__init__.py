"""Records: one JSON line per finished run, the only thing the leaderboard ever sees."""

from __future__ import annotations

from graph_distillery.bench.records.files import KINDS, ReadResult, read_records, repair
from graph_distillery.bench.records.schema import (
    SCHEMA_VERSION,
    Cell,
    Environment,
    Items,
    Latency,
    Metrics,
    Record,
    RecordError,
    RequestLatency,
    Search,
    Speed,
    SpeedRounds,
    Timings,
    json_schema,
    parse_record,
)
from graph_distillery.bench.records.writer import RecordWriter

__all__ = [
    "KINDS",
    "SCHEMA_VERSION",
    "Cell",
    "Environment",
    "Items",
    "Latency",
    "Metrics",
    "ReadResult",
    "Record",
    "RecordError",
    "RecordWriter",
    "RequestLatency",
    "Search",
    "Speed",
    "SpeedRounds",
    "Timings",
    "json_schema",
    "parse_record",
    "read_records",
    "repair",
]
