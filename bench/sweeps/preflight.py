"""What can be known to be wrong before anything is written, beyond what a spec's own checks see."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from graph_distillery.bench.errors import UserError, value_line
from graph_distillery.bench.paths import can_be_written, is_folder
from graph_distillery.bench.sweeps.means import EXECUTORS, Means
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.spec import Gpus, Spec
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.near_names import unknown_line


def data_folder(data: Path | None) -> Path | None:
    """--data, absolute, which may be a folder that is only read; UserError where a file is in its way."""
    if data is None:
        return None
    return data.expanduser().absolute() if is_folder(data.expanduser()) else can_be_written(data, f"--data {data}")


def device(name: str) -> str:
    """--device, there on this machine; UserError otherwise."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise UserError(f"--device: {unknown_line('device', name, ('cpu', 'cuda', 'cuda:0'))}")
    if name.startswith("cuda"):
        import torch

        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(name.partition(":")[2] or 0) >= there:
            raise UserError(
                f"--device {name}: this machine has {there or 'no'} CUDA device{'s' * (there > 1)}; use cpu"
            )
    return name


def means(executor: str, workers: int, device_name: str, address: str | None, cache: bool = True) -> Means:
    """What --executor, --workers, --device, --address and --cache ask for; UserError where they do not fit."""
    named = next((name for name in EXECUTORS if name == executor), None)
    if named is None:
        raise UserError(f"--executor: {unknown_line('executor', executor, EXECUTORS)}")
    if address is not None and named != "ray":
        raise UserError("--address: only --executor ray connects to a cluster")
    if address is None:  # else the devices are the cluster's
        device(device_name)
    return Means(named, workers, device_name, address, cache)


def with_gpus(spec: Spec, gpus: float) -> Spec:
    """The spec, its trials taking so much of a GPU, but where overrides say; UserError where Ray gives no such part."""
    try:
        gpus = TypeAdapter(Gpus).validate_python(gpus)
    except ValidationError as error:
        raise UserError(f"--gpus: {error.errors()[0]['msg'].removeprefix('Value error, ').lower()}") from None
    return spec.model_copy(update={"resources": spec.resources.model_copy(update={"gpus": gpus})})


def sealed(plan: Plan, store: Path | None = None) -> None:
    """No cell chooses anything by test labels: such variants are there for the reproduction of published numbers alone.

    store: where the plan may be under way. What is done there is not held against it.

    Raises:
        UserError: a cell does; one line that names it, and the command that runs it.
    """
    from graph_distillery.bench.sweeps.store.files import begun

    if not any(map(_chooses_by_test_labels, plan.cells)):
        return
    left = _unfinished(plan, store) if store is not None and begun(store) else plan
    for cell in filter(_chooses_by_test_labels, left.cells):
        raise UserError(
            f"{cell.label}: variant {cell.variant} of {cell.method.name} chooses by test labels, as the released code "
            f"does; only distillery reproduce runs it{_instead(cell)}"
        )


def _chooses_by_test_labels(cell: Cell) -> bool:
    return cell.variant in cell.method.test_selected


def _instead(cell: Cell) -> str:
    other = [name for name in cell.method.variants if name not in cell.method.test_selected]
    return f" (elsewhere: variant {' or '.join(other)})" if other else ""


def configurations(plan: Plan, store: Path | None = None) -> None:
    """Each cell's and teacher's starting configuration is one that its method and model accept, and so is what is
    searched; method, student and teacher fit together.

    store: where the plan may be under way. What is done there needs no method of today, and is not held against it.

    Raises:
        UserError: a hyperparameter is out of bounds, pinned or as the end of a range, or method, student and teacher
            refuse each other; one line that names the cell.
    """
    from graph_distillery.bench.sweeps.store.files import begun

    try:
        _configurations(plan)
    except UserError:
        if store is None or not begun(store):
            raise
        _configurations(_unfinished(plan, store))


def _unfinished(plan: Plan, store: Path) -> Plan:
    """The plan less the cells that are done, and less the teachers that no other cell has."""
    from graph_distillery.bench.sweeps.store.kept_status import read_status

    done = {cell.id for cell in read_status(store, plan).cells if cell.state == "done"}
    cells = tuple(cell for cell in plan.cells if cell.id not in done)
    used = {teacher.id for cell in cells for teacher in cell.teachers}
    return replace(plan, cells=cells, teachers=tuple(each for each in plan.teachers if each.id in used))


def _configurations(plan: Plan) -> None:
    for cell in plan.searches:
        _check(cell.label, cell.method.name, cell.student, dict(cell.defaults))
        _check_ranges(cell)
    for teacher in plan.teachers:
        _check(f"teacher {teacher.model}", "supervised", teacher.model, dict(teacher.defaults))
    _rehearse(plan)


def _check(label: str, method: str, student: str | None, flat: dict[str, Any]) -> None:
    from graph_distillery.bench.models.base import model_hyperparameters
    from graph_distillery.bench.sweeps.jobs import configuration
    from graph_distillery.bench.training.engine import parse_hyperparameters
    from graph_distillery.methods import METHODS

    made = configuration(method, "paper", student, flat)
    try:
        parse_hyperparameters(METHODS.load(method), method, made.method_hyper)
        if student is not None:
            model_hyperparameters(student, made.model_hyper)
        _ = made.settings
    except UserError as error:
        raise UserError(f"{label}: {error}") from None


def _check_ranges(cell: Cell) -> None:
    """The ends of every range and every choice of the cell's space."""
    from graph_distillery.bench.models.registry import MODELS
    from graph_distillery.methods import METHODS
    from graph_distillery.methods.contract import OptimiserSettings

    schemas: dict[str, Any] = {"method": METHODS.load(cell.method.name).Hyperparameters}
    if cell.student is not None:
        schemas["student"] = MODELS.load(cell.student).Hyperparameters
    for key, parameter in cell.space.parameters.items():
        prefix, _, name = key.partition(".")
        schema = schemas[prefix] if name in schemas[prefix].model_fields else OptimiserSettings
        for value in parameter.choices or parameter.bounds:
            if (why := _why_not(schema, name, value)) is not None:
                raise UserError(f"{cell.label}: the range of {key} holds {value!r}: {why}")


def _why_not(schema: Any, name: str, value: Any) -> str | None:
    """Why a hyperparameter can never have a value; what it is to the others is not decided here."""
    from pydantic import ValidationError

    try:
        schema(**{name: value})
    except ValidationError as error:
        mine = (each for each in error.errors() if each["loc"] == (name,) and each["type"] != "value_error")
        return next(map(value_line, mine), None)
    except ValueError as error:
        return str(error)
    return None


def _rehearse(plan: Plan) -> None:
    """Every cell on made-up data, each combination once. What a tuned teacher will be is not known before it is."""
    from graph_distillery.bench.data.registry import DATASETS, labels_everything
    from graph_distillery.bench.sweeps.jobs import configuration
    from graph_distillery.bench.sweeps.prerequisites import derivation
    from graph_distillery.bench.training.rehearsal import rehearse

    done = set()
    for cell in plan.cells:
        if any(teacher.search is not None for teacher in cell.teachers):
            continue
        own = configuration(cell.method.name, cell.variant, cell.student, dict(cell.defaults))
        taught_by = [configuration("supervised", "paper", each.model, dict(each.defaults)) for each in cell.teachers]
        dataset = DATASETS.get(cell.data.dataset)
        labelled = labels_everything(TASKS.get(dataset.task), cell.data.split, cell.data.setting)
        key = repr((own, taught_by, dataset.task, cell.data.setting, labelled))
        if key in done:
            continue
        done.add(key)
        try:
            derived = derivation(cell.method, own)
            anew = [derived.of(each.model, each.defaults) for each in cell.teachers] if derived else []
            rehearse(own, dataset, cell.data.split, cell.data.setting, taught_by, anew)
        except UserError as error:
            raise UserError(f"{cell.label}: {error}") from None
