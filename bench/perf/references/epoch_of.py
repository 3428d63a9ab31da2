"""Processor seconds of an epoch on a generated graph, of whichever checkout stands first on the path.

Run by `bench.perf.large` in a process of its own, so that another commit can be measured beside this one: it asks for
no more than what commit 9ef06dc had. `python epoch_of.py CHECKOUT GRAPH.pt MODEL NORM EPOCHS`
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import torch


def main(checkout: str, graph_file: str, model: str, norm: str, epochs: int) -> None:
    sys.path.insert(0, checkout)
    inside = (Path(checkout) / "graph_distillery").is_dir()

    def module(name: str) -> Any:
        return import_module(f"graph_distillery.{name}" if inside else name)

    torch.set_num_threads(1)
    if (Path(checkout) / "bench/training/allocator.py").exists():
        module("bench.training.allocator").keep_freed_memory()
    engine, problems = module("bench.training.engine"), module("bench.training.problem")
    read = torch.load(graph_file, weights_only=True)
    graph = module("methods.contract").Graph.build(read["features"], read["edge_index"])
    named = (graph_file, "node-classification", "accuracy", graph, read["labels"], int(read["labels"].max()) + 1)
    dataset = module("bench.data.dataset").Dataset.build(*named, {"public": [tuple(read["split"])]})
    split = module("bench.data.splits").make_split(dataset, "public", 0)
    dataset, split = split if isinstance(split, tuple) else (dataset, split)
    key = problems.ProblemKey("large", "public", "transductive")
    problem = problems.divide(dataset, split, key, 0)[0]
    hyper = {"layers": 3, "hidden": 256, "norm": norm, "dropout": 0.5, "lr": 0.01, "patience": 0}
    taken = []
    for count in (1, epochs):  # the first makes what the graph keeps
        configuration = engine.Configuration("supervised", student=model, student_hyper={**hyper, "epochs": count})
        method = engine.build(configuration, problem, ())
        start = time.process_time()
        engine.fit(method, configuration, problem)
        taken.append((time.process_time() - start) / count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    sys.stdout.write(json.dumps({"epoch_s": taken[1], "peak_mb": peak}) + "\n")


if __name__ == "__main__":
    own_checkout, file, of_model, of_norm, number = sys.argv[1:]
    main(own_checkout, file, of_model, of_norm, int(number))
