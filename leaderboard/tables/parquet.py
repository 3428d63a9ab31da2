"""``leaderboard.parquet``: one line per comparison, row, configuration and machine, for notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graph_distillery.leaderboard.tables.document import Document

COMPARISON = (
    "slug", "dataset", "dataset_sha256", "node_order_sha256", "split", "setting", "task", "metric",
    "teacher", "student",
)  # fmt: skip
ROW = ("method", "variant", "fixed", "role", "status", "complete", "verified")
HEADLINE = ("rank", "gain", "gap_closed", "tuning_gain")
STANDING = ("rank_low", "rank_high", "letters", "verdict")
SPEED = (
    "full_forward_ms", "full_forward_low", "full_forward_high", "speedup", "request_ms", "request_low", "request_high",
    "request_speedup", "rounds", "params", "macs", "peak_memory_mb", "pareto",
)  # fmt: skip
SUMMARY = ("n", "mean", "std", "low", "high")


def parquet_lines(document: Document) -> list[dict[str, Any]]:
    """The lines as plain values; speed is the headline configuration's, an empty machine where none was measured."""
    return [
        _line(comparison, row, name, machine)
        for comparison in document["comparisons"]
        for row in comparison["rows"]
        for name in row["configurations"]
        for machine in (sorted(row["speed"]) if name == row["headline"] and row["speed"] else [None])
    ]


def _line(comparison: Document, row: Document, name: str, machine: str | None) -> dict[str, Any]:
    configuration, headline = row["configurations"][name], name == row["headline"]
    test, validation = configuration["test"] or {}, configuration["validation"] or {}
    speed, standing = row["speed"].get(machine, {}), (row["standing"] or {}) if headline else {}
    worth = (row.get("own_term") or {}) if headline else {}
    alone = (row["against_student"] or {}) if headline else {}
    return {
        **{field: comparison[field] for field in COMPARISON},
        "track": comparison.get("track"),
        **{field: row[field] for field in ROW},
        "sender": row.get("sender"),
        "configuration": name,
        "headline": headline,
        **{field: row[field] if headline else None for field in HEADLINE},
        **{field: standing.get(field) for field in STANDING},
        "gain_p_holm": alone.get("p_holm"),
        "own_term": worth.get("difference"),
        **{f"own_term_{field}": worth.get(field) for field in ("low", "high", "p_holm", "verdict")},
        **{f"test_{field}": test.get(field) for field in SUMMARY},
        "validation_mean": validation.get("mean"),
        "ece": configuration["ece"],
        "trials": configuration["trials"],
        "device_hours": row["search"]["device_hours"] if headline else None,
        "failed_runs": sum(run["status"] != "ok" for run in configuration["runs"]),
        "command": configuration["command"],
        "stores": sorted({run["store"] for run in configuration["runs"]}),
        "suite_versions": sorted({run["suite_version"] for run in configuration["runs"]}),
        "machine": machine,
        **{field: speed.get(field) for field in SPEED},
    }


def write_parquet(document: Document, path: Path) -> None:
    """Write the lines with a schema that does not depend on which values exist."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, real, whole, flag, names = pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.list_(pa.string())
    kinds = {
        **dict.fromkeys(COMPARISON, text), "track": text,
        **dict.fromkeys(ROW, text), "sender": text, "fixed": flag, "complete": flag, "verified": flag,
        "configuration": text, "headline": flag,
        **dict.fromkeys(HEADLINE, real),
        "rank_low": whole, "rank_high": whole, "letters": text, "verdict": text, "gain_p_holm": real,
        "own_term": real, "own_term_low": real, "own_term_high": real, "own_term_p_holm": real,
        "own_term_verdict": text,
        **{f"test_{field}": real for field in SUMMARY}, "test_n": whole,
        "validation_mean": real, "ece": real, "trials": whole, "device_hours": real, "failed_runs": whole,
        "command": text, "stores": names, "suite_versions": names, "machine": text,
        **dict.fromkeys(SPEED, real), "rounds": whole, "params": whole, "macs": whole, "pareto": flag,
    }  # fmt: skip
    schema = pa.schema(list(kinds.items()), metadata={"schema": str(document["schema"])})
    table = pa.Table.from_pylist(parquet_lines(document), schema=schema)
    with path.open("wb") as out:  # a path it would encode in its own way, which some locales' names do not survive
        pq.write_table(table, out, compression="zstd")
