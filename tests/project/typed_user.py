"""What a typed program of a user says of the package; `make lint` checks it, nothing runs it."""

from __future__ import annotations

from typing import assert_type

import pandas as pd

import graph_distillery as gd
from graph_distillery.api import Store
from graph_distillery.bench.students.prediction import Prediction
from graph_distillery.bench.students.student import Student
from graph_distillery.leaderboard.build import BoardResult


def program() -> None:
    store = gd.sweep({"name": "typed"})
    assert_type(store, Store)
    assert_type(gd.open_store("s").to_frame(), pd.DataFrame)
    assert_type(gd.open_store("s").student(method="kd"), Student)
    assert_type(gd.leaderboard(["s"], out="board"), BoardResult)
    assert_type(gd.predict("student", "graph.npz"), Prediction)
    assert_type(gd.export("student", "x.onnx").difference, float)
    assert_type(gd.recommend("s", latency_ms=0.2)[0].tied, bool)
    gd.sweep(3)  # type: ignore[arg-type]  # told, since an ignore that nothing needs is an error
