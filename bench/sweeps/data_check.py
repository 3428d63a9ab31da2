"""The data of a plan, loaded and split once before anything is written; they must be those a store was begun with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loading import remarks
from graph_distillery.bench.data.sealing import check_rotation, seen_in_tuning, shared_splits
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.pins import Pin, joined, of_records
from graph_distillery.bench.sweeps.plan.plan import DataKey, Plan
from graph_distillery.bench.sweeps.store.files import begun, stored_plan_of
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.store.recorder import problem_key
from graph_distillery.bench.sweeps.study.samplers import check_sampler
from graph_distillery.bench.sweeps.study.warm_starts import read_winners
from graph_distillery.bench.training.problem import load_problem, split_dataset, split_identity, whole_dataset
from graph_distillery.methods.contract.columns import ATTRIBUTES, WEIGHT


@dataclass(frozen=True)
class DataSurvey:
    """What is known of a plan's data before it is carried out.

    remarks: what should be known of the data, a line each. seen_in_tuning: of each `dataset/split`, the share of each
    report seed's test labels that the tuning seeds read; empty where nothing is tuned. shared: the published splits
    that both tuning and report seeds take. pins: what the store is to keep of the data.
    """

    remarks: tuple[str, ...]
    seen_in_tuning: Mapping[str, Mapping[int, float]]
    shared: Mapping[str, Sequence[int]]
    pins: tuple[Pin, ...]

    def overlaps(self) -> list[str]:
        """What tuning reads of the test sets, a line for each dataset and split."""
        lines = []
        for name, seen in self.seen_in_tuning.items():
            least, most = f"{100 * min(seen.values()):.0f}", f"{100 * max(seen.values()):.0f}"
            share = "no" if most == least == "0" else f"{least} %" if least == most else f"{least} to {most} %"
            both = ", ".join(map(str, self.shared[name]))
            line = f"{name}: tuning reads {share} of the test labels of a report split"
            if share == "no":
                line = f"{name}: tuning reads no test label of any report split"
            lines.append(line + (f"; of the published splits, {both} serve both" if both else ""))
        return lines


def check_data(plan: Plan, store: Path, device: str = "cpu") -> DataSurvey:
    """Load every dataset and make every split, and read what the search builds on, before anything is written.

    Raises:
        UserError: data or splits are not in order, or not what the store was begun with, or seeds would count a
            published split twice.
    """
    check_sampler(plan.spec.search.sampler)
    read_winners(plan.spec, store)
    report, tuning = plan.spec.report.split_seeds, plan.spec.search.split_seeds
    tuned = any(cell.trials for cell in plan.searches)
    said: dict[str, None] = {}
    seen: dict[str, Mapping[int, float]] = {}
    shared: dict[str, list[int]] = {}
    pins = []
    for data in dict.fromkeys(cell.data for cell in plan.cells):
        key = problem_key(plan, data)
        load_problem(key, report[0], device)
        said |= dict.fromkeys(f"{data.dataset}: {line}" for line in remarks(whole_dataset(key)))
        said |= dict.fromkeys(f"{data.dataset}: {line}" for line in _edges_read(plan, data, whole_dataset(key)))
        _check_types(plan, data, whole_dataset(key))
        dataset, name = split_dataset(key), f"{data.dataset}/{data.split}"
        check_rotation(dataset, data.split, tuning if tuned else (), report)
        measured = seen_in_tuning(dataset, data.split, tuning if tuned else (), report)
        if tuned:
            seen[name], shared[name] = measured, shared_splits(dataset, data.split, tuning, report)
        pins.append(_pin(plan, data))
    return DataSurvey(tuple(said), seen, shared, _as_pinned(plan, store, tuple(pins)))


def _edges_read(plan: Plan, data: DataKey, dataset: Dataset) -> Iterator[str]:
    """Which models of the plan read what its arcs carry; the others, and methods, go by the arcs alone."""
    cells = [cell for cell in plan.cells if cell.data == data]
    models = {teacher.model for cell in cells for teacher in cell.teachers} | {cell.student for cell in cells} - {None}
    for column, noun, flag in ((WEIGHT, "weights", "reads_weights"), (ATTRIBUTES, "attributes", "reads_attributes")):
        if column in dataset.graph.edge_columns:
            reading = sorted(name for name in models if name is not None and getattr(MODELS.load(name), flag))
            others = sorted(name for name in models if name is not None and name not in reading)
            left = f"; {', '.join(others)} and the methods leave them out" if others else ""
            yield f"edge {noun} are read by {', '.join(reading) or 'no model of the plan'}{left}"


def _check_types(plan: Plan, data: DataKey, dataset: Dataset) -> None:
    """UserError where a model's setting, fixed or to be searched, names types of nodes or edges that are not there."""
    types = dataset.graph.types
    for cell in plan.searches if types is not None else ():
        if cell.data != data:
            continue
        own = {key: [value] for key, value in cell.defaults.items()}
        own |= {key: list(each.choices or ()) for key, each in cell.space.parameters.items()}
        used = [(each.model, {key: [value] for key, value in each.defaults.items()}) for each in cell.teachers]
        used += [(cell.student, own)] if cell.student is not None else []
        for model, settings in used:
            kind = MODELS.load(model)
            named = [(name, value) for name in kind.names_types for value in settings.get(f"student.{name}", ())]
            for name, value in named:
                try:
                    kind.check_types({name: value}, types)
                except ValueError as error:
                    raise UserError(f"{data.dataset}: {model}: {error}") from None


def _seeds(plan: Plan) -> Iterator[int]:
    yield from plan.spec.report.split_seeds
    if any(cell.trials for cell in plan.searches):
        yield from plan.spec.search.split_seeds


def _pin(plan: Plan, data: DataKey) -> Pin:
    """A dataset's hash, and its splits' for every seed of the plan."""
    found = {seed: split_identity(problem_key(plan, data), seed) for seed in _seeds(plan)}
    one = next(iter(found.values()))
    return Pin(
        dataset=data.dataset,
        split=data.split,
        setting=data.setting,
        sha256=one.dataset_sha256,
        node_order_sha256=one.node_order_sha256,
        splits={seed: each.split_sha256 for seed, each in found.items()},
    )


def _as_pinned(plan: Plan, path: Path, here: tuple[Pin, ...]) -> tuple[Pin, ...]:
    """What a store has pinned, joined by what is here; none where an older store, in which all is done, is of others.

    Raises:
        UserError: the data here are not those that the store was begun with.
    """
    if not begun(path):
        return here
    stored = stored_plan_of(path)
    if stored is not None:
        return joined(stored.pins, here, str(path))
    try:
        return joined(of_records(read_records(path).records), here, str(path))
    except UserError:
        if any(cell.state != "done" for cell in read_status(path, plan).cells):
            raise
        return ()
