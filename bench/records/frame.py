"""Records as one flat table, for notebooks; pandas loads when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from graph_distillery.bench.records.schema import Record

if TYPE_CHECKING:
    import pandas as pd

#: What each column holds. Scores come as `val.METRIC` and `test.METRIC`, hyperparameters as `method.NAME` and
#: `student.NAME`; both as many as the records have.
COLUMNS: Mapping[str, str] = {
    "kind": "teacher, trial, report or speed",
    "id": "the record's id",
    "store_id": "the id of the store it came from",
    "created": "when it was written, UTC",
    "dataset": "name of the dataset",
    "split": "name of the split",
    "setting": "transductive, inductive or graph-level",
    "teacher": "the teacher's model; missing where there is none",
    "student": "the student's model",
    "method": "name of the method",
    "variant": "its variant",
    "seed": "seed of the run",
    "trial": "number of the trial; missing for other kinds",
    "selection": "of a report or speed record: default, tuned, both (the default won) or ablated (own term off)",
    "status": "ok, pruned, failed, nan, oom or timeout",
    "error": "one line where the status is one of failure",
    "metric": "the score that the dataset is judged by, a fraction",
    "train_s": "seconds of training",
    "epochs": "epochs trained",
    "teacher_s": "seconds that its teacher was trained for",
    "tune_s": "seconds that its search was trained for",
    "full_forward_ms": "median milliseconds of a forward over the whole graph",
    "request_ms": "median milliseconds of a request for one item, its neighbourhood fetched",
    "params": "parameters of the network that predicts",
    "macs": "multiply-accumulates of one full forward",
    "peak_memory_mb": "MiB that one full forward allocates at its peak",
    "device": "cpu or cuda",
    "cpu": "the processor",
    "machine": "fingerprint of the hardware and its threads",
    "suite_version": "version of the suite that wrote it",
    "git_sha": "commit of the suite, where it ran from a checkout",
    "engine": "number of the training engine; another's runs differ in their last bits",
}


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """A row per record, in their order: `COLUMNS`, then scores, then hyperparameters."""
    import pandas as pd

    rows = [_row(record) for record in records]
    more = {name for row in rows for name in row} - set(COLUMNS)
    scores = sorted(name for name in more if name.startswith(("val.", "test.")))
    return pd.DataFrame(rows, columns=[*COLUMNS, *scores, *sorted(more - set(scores))])


def _row(record: Record) -> dict[str, Any]:
    cell, search, speed = record.cell, record.search, record.speed
    one = speed.request_ms.batch_1.p50 if speed and speed.request_ms else None
    return {
        "kind": record.kind,
        "id": record.id,
        "store_id": record.store_id,
        "created": record.created,
        **{name: getattr(cell, name) for name in ("dataset", "split", "setting", "teacher", "student", "method")},
        "variant": cell.variant,
        "seed": record.seed,
        "trial": search.trial if search else None,
        "selection": search.selection if search else None,
        "status": record.status,
        "error": record.error,
        "metric": cell.metric,
        **record.timings.model_dump(include={"train_s", "epochs", "teacher_s", "tune_s"}),
        "full_forward_ms": speed.full_forward_ms.p50 if speed else None,
        "request_ms": one,
        **{name: getattr(speed, name, None) for name in ("params", "macs", "peak_memory_mb")},
        "device": record.environment.device,
        "cpu": record.environment.cpu,
        "machine": record.environment.fingerprint,
        "suite_version": record.suite_version,
        "git_sha": record.git_sha,
        "engine": record.engine,
        **{f"val.{name}": value for name, value in record.metrics.val.items()},
        **{f"test.{name}": value for name, value in (record.metrics.test or {}).items()},
        **record.hparams,
    }
