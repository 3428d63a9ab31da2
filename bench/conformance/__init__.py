"""What every method, model and dataset must do, as test classes for their authors, ours and those of other packages.

In a test file of your own, with the method and its search space registered:

    from graph_distillery.bench.conformance import MethodConformance

    class TestMine(MethodConformance):
        method = "mine"

and `pytest` runs every check on every task, kind of student and variant that the catalogue entry names. So do
`ModelConformance` with `model = "mine"` and `DatasetConformance` with `dataset = "mine"`. A check takes a fraction of
a second, on small data that needs no network (`problem_for`).
"""

from __future__ import annotations

from graph_distillery.bench.conformance.datasets import DatasetConformance
from graph_distillery.bench.conformance.examples import Case, Example, cases_of, problem_for
from graph_distillery.bench.conformance.models import ModelCase, ModelConformance
from graph_distillery.bench.conformance.suite import MethodConformance

__all__ = [
    "Case",
    "DatasetConformance",
    "Example",
    "MethodConformance",
    "ModelCase",
    "ModelConformance",
    "cases_of",
    "problem_for",
]
