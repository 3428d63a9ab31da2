"""What the checks of the suite are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from graph_distillery.bench.conformance.examples import Case, Example
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Trained, build, fit
from graph_distillery.bench.training.judging import predict_items
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods import MethodInfo
from graph_distillery.methods.contract import Method, Teacher
from graph_distillery.methods.tasks.registry import make_task
from graph_distillery.search_spaces import Space, merge


def check(holds: bool, otherwise: str) -> None:
    """An assertion that keeps its message where pytest does not rewrite `assert`."""
    if not holds:
        raise AssertionError(otherwise)


def space_disagreements(space: Space, hyperparameters: type[BaseModel]) -> list[str]:
    """Where a search space names what the hyperparameters lack, or publishes another default."""
    published = {name: parameter.default for name, parameter in space.parameters.items()} | dict(space.fixed)
    fields = hyperparameters.model_fields
    found = [f"{name} is no hyperparameter" for name in published if name not in fields]
    for name, value in published.items():
        if name in fields and fields[name].default != value:
            found.append(f"{name}: {value!r} in the search space, {fields[name].default!r} in the hyperparameters")
    return found


def drawn(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """Up to `count` random configurations of a search space, the same whenever the seed is."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    joint = merge({"method": space})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found: list[dict[str, Any]] = []
    for _ in range(count):
        values = {name.removeprefix("method."): value for name, value in joint.suggest(study.ask()).items()}
        if values not in found:
            found.append(values)
    return found


def refused(build_it: Callable[[], object], *words: str) -> None:
    """That something raises UserError with one line that names the words."""
    try:
        build_it()
    except UserError as error:
        line = str(error)
        check("\n" not in line and all(word in line for word in words), f"the refusal does not name {words}: {line}")
    else:
        raise AssertionError(f"not refused: {', '.join(words)}")


def losses(case: Case, epochs: int) -> list[dict[str, Tensor]]:
    """What every step returned."""
    seen: list[dict[str, Tensor]] = []
    if not case.method_class.trainable:
        return seen
    method = case.fresh()
    step = method.step

    def watched(*arguments: Any, **options: Any) -> dict[str, Tensor]:
        seen.append(step(*arguments, **options))
        return seen[-1]

    method.step = watched  # type: ignore[method-assign]
    fit(method, case.configuration(epochs=epochs), case.example.problem, None)
    check(len(seen) >= epochs, f"{len(seen)} steps in {epochs} epochs")
    return seen


def course(case: Case, problem: Problem, epochs: int) -> list[str]:
    """A hash of the method's state at the start of every epoch, the first before any training."""
    seen: list[str] = []
    problem = prepared(problem, case.configuration())
    method = build(case.configuration(), problem, case.example.teachers(case.info))
    if not case.method_class.trainable:
        return seen
    before = method.on_epoch_start

    def watched(epoch: int) -> None:
        seen.append(_hash(method.state_dict().values()))
        before(epoch)

    method.on_epoch_start = watched  # type: ignore[method-assign]
    fit(method, case.configuration(epochs=epochs), problem, None)
    check(len(set(seen)) == epochs, "an epoch of training changed nothing")
    return seen


@torch.inference_mode()
def predictions(method: Method[Any], example: Example) -> Tensor:
    """Logits of the validation items."""
    method.eval()
    return predict_items(method, example.problem.validation)[0]


def same_state(one: Method[Any], other: Method[Any]) -> None:
    """That two states are equal to the bit."""
    left, right = one.state_dict(), other.state_dict()
    different = [name for name in left | right if name not in left or name not in right]
    different += [name for name in left if name in right and not torch.equal(left[name], right[name])]
    check(not different, f"differ: {', '.join(different)}")


def same_result(one: Trained, other: Trained) -> None:
    """That two runs ended in the same scores and the same state, to the bit."""
    check(one.validation == other.validation, f"scores {one.validation} and {other.validation}")
    check(one.epochs == other.epochs, f"{one.epochs} and {other.epochs} epochs")
    same_state(one.method, other.method)


def best_constant(dataset: Dataset, labels: Tensor) -> float:
    """The best validation score of any predictor that says the same of every item."""
    return make_task(dataset.task, dataset.num_classes).best_constant(dataset.metric, labels)


def digest(example: Example, info: MethodInfo) -> str:
    """A hash of everything a method is handed: features, edges, labels, the teachers' outputs and weights."""
    return _hash(_tensors(example, example.teachers(info) or (example.teacher,)))


def traces(example: Example, info: MethodInfo) -> list[str]:
    """Whatever a method could leave behind on its teachers' networks: attributes, modes and hooks of every part."""
    networks = [teacher.model for teacher in example.teachers(info) if teacher.model is not None]
    found = []
    for number, network in enumerate(networks):
        for path, part in network.named_modules():
            for name, value in sorted(vars(part).items()):
                counted = len(value) if name.endswith("hooks") and hasattr(value, "__len__") else ""
                simple = value if isinstance(value, (bool, int, float, str, type(None))) else type(value).__name__
                found.append(f"network {number}: {path or type(part).__name__}.{name} {counted or simple}")
    return found


def _hash(tensors: Iterable[Tensor]) -> str:
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()


def _tensors(example: Example, teachers: Iterable[Teacher]) -> Iterator[Tensor]:
    training, validation = example.problem.training, example.problem.validation
    for graph in (training.graph, validation.graph, *(teacher.graph for teacher in teachers)):
        features = graph.features
        yield from (features,) if isinstance(features, Tensor) else (features.values, features.columns)
        yield from (graph.edge_index, graph.graph_pointers)
        yield from (graph.propagation("gcn").values, graph.propagation("gcn").columns)
    yield from (training.labelled, training.labels, validation.items, validation.labels)
    for teacher in teachers:
        yield from (teacher.logits, *teacher.hidden)
        if teacher.model is not None:
            yield from teacher.model.state_dict().values()
