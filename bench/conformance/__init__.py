"""What every method must do, as a test class for authors of methods, ours and those of other packages.

In a test file of your own, with the method and its search space registered:

    from graph_distillery.bench.conformance import MethodConformance

    class TestMine(MethodConformance):
        method = "mine"

and `pytest` runs every check below on every task, kind of student and variant that the catalogue entry names.
Each takes a fraction of a second, on small data that needs no network (`problem_for`).
"""

from __future__ import annotations

from graph_distillery.bench.conformance.examples import Case, Example, cases_of, problem_for
from graph_distillery.bench.conformance.suite import MethodConformance

__all__ = ["Case", "Example", "MethodConformance", "cases_of", "problem_for"]
