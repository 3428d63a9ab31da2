"""What a field of a record may hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

Kind = Literal["teacher", "trial", "report", "speed"]
Status = Literal["ok", "pruned", "failed", "nan", "oom", "timeout"]
Selection = Literal["default", "tuned", "both", "ablated"]
#: How a run learned nothing: every item predicted alike; an accuracy no better than the share of the largest class; an
#: area under the ROC curve of a half or less.
Collapse = Literal["one-class", "largest-class", "chance"]

RecordId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$")]
_Word = StringConstraints(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=40)
#: As a method's catalogue entry may name one (`graph_distillery.methods.info`).
Variant = Annotated[str, _Word]
#: Of `methods.tasks.metrics`, or of a package that is not here.
MetricName = Annotated[str, _Word]
HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
UtcTime = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|\+00:00)$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
#: The score so far on the validation items, by epochs done, in the order in which it was reported.
Curve = tuple[tuple[Count, Finite], ...]
Hyperparameter = str | int | Finite | bool | None

#: Fields that came later: what older records lack, they lack when written again.
NEWER = (
    "curve",
    "supersedes",
    "repeats",
    "seen_in_tuning",
    "init_seed",
    "teacher_seed",
    "predictions_sha256",
    "collapsed",
    "engine",
)
NEWER_OF_CELL = (
    "split_sha256",
    "test_sha256",
    "items",
    "test_selected",
    "trains_on_validation",
    "teacher_ids",
    "derived_from",
    "teacher_tuned",
)
