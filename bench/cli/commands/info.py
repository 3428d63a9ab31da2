"""`distillery info`: all about one name, whichever registry it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli import own_graph
from graph_distillery.bench.cli.commands.listing import plain
from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.data.files.source import is_own
from graph_distillery.bench.data.registry import DATASETS, DatasetInfo
from graph_distillery.bench.declared import declared_hyperparameters
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS, ModelInfo
from graph_distillery.bench.models.zoo.families import names_class
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.text import brief, settings
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.near_names import unknown_line
from graph_distillery.search_spaces import Space, load_space

#: The optimiser's settings stand in the models' spaces, but in no model's own hyperparameters.
_OPTIMISER = {
    "lr": "learning rate of Adam",
    "weight_decay": "L2 regularisation",
    "epochs": "at most so many",
    "patience": "epochs without a better validation score before training stops; 0 never stops early",
    "batch_size": "items a step; null takes all at once",
    "clip": "the greatest norm of a step's gradient; null leaves gradients as they are",
}


def run(name: str, as_json: bool, data: Path | None) -> int:
    """Print what is known of a method, a model or a dataset, `file:mine.pt` and `python:module:function` among them."""
    folder = preflight.data_folder(data)
    if is_own(name) and not names_class(name):
        return own_graph.run(name, as_json)
    facts: list[dict[str, Any]] = []
    if name in METHODS:
        facts.append(method_facts(METHODS.get(name)))
    if name in MODELS:
        facts.append(model_facts(MODELS.get(name)))
    if name in DATASETS:
        facts.append(dataset_facts(DATASETS.get(name), folder))
    if not facts:
        names = [*METHODS.names, *MODELS.names, *DATASETS.names]
        raise UserError(f"info: {unknown_line('method, model or dataset', name, names)}")
    if as_json:
        emit_json(facts[0] if len(facts) == 1 else facts)
    else:
        emit("\n\n".join(_text(each) for each in facts))
    return 0


def method_facts(info: MethodInfo) -> dict[str, Any]:
    """The catalogue's entry, the hyperparameters, the search space."""
    space = load_space("method", info.name)
    own = declared_hyperparameters(info.target) or METHODS.load(info.name).Hyperparameters.model_fields
    return {"kind": "method", **plain(info), **_space_facts(space, own)}


def model_facts(info: ModelInfo) -> dict[str, Any]:
    """Likewise; `architecture` keeps the registry's own kind (mlp or gnn)."""
    space = load_space("model", info.name)
    entry = plain(info)
    architecture = entry.pop("kind")
    own = declared_hyperparameters(info.target) or MODELS.load(info.name).Hyperparameters.model_fields
    return {"kind": "model", "architecture": architecture, **entry, **_space_facts(space, own)}


def dataset_facts(info: DatasetInfo, data: Path | None) -> dict[str, Any]:
    """The catalogue's entry, and whether it can be loaded here and now."""
    from graph_distillery.bench.data.availability import availability

    entry = plain(info)
    origin = entry.pop("kind")
    found = availability(info, data)
    return {"kind": "dataset", "origin": origin, **entry, "at_hand": found.there, "where": found.where}


def _space_facts(space: Space, own: Mapping[str, Any]) -> dict[str, Any]:
    rows = []
    for name in [*space.names(), *(name for name in own if name not in space.names())]:
        field, parameter = own.get(name), space.parameters.get(name)
        default = parameter.default if parameter else space.fixed.get(name, field.default if field else None)
        rows.append(
            {
                "name": name,
                "default": default,
                "description": (field.description if field else _OPTIMISER.get(name)) or "",
                "bounds": _bounds(field),
                "tuned": parameter is not None,
                "range": parameter.describe() if parameter else None,
                "when": {parent: _condition(value) for parent, value in parameter.when.items()} if parameter else {},
                "source": parameter.source if parameter else None,
            }
        )
    presets = [
        {
            "dataset": list(preset.dataset),
            "split": list(preset.split) if preset.split else None,
            "values": dict(preset.values),
            "source": preset.source,
        }
        for preset in space.presets
    ]
    by_name = [
        {"name": p.name, "dataset": list(p.dataset), "values": dict(p.values), "source": p.source} for p in space.named
    ]
    by_kind = [
        {"kind": list(p.kind), "values": dict(p.values), "space": dict(p.space), "source": p.source}
        for p in space.kinds
    ]
    return {"hyperparameters": rows, "presets": presets, "named": by_name, "kinds": by_kind}


def _bounds(field: Any) -> str:
    """What the hyperparameter's own model accepts: `>= 0, <= 1`."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    found = []
    for rule in getattr(field, "metadata", ()):
        found += [f"{sign} {getattr(rule, name)}" for name, sign in signs.items() if hasattr(rule, name)]
    return ", ".join(found)


def _condition(condition: Any) -> str:
    values = " or ".join(brief(value) for value in condition.values)
    return f"not {values}" if condition.negated else values


def _text(facts: Mapping[str, Any]) -> str:
    lines = [f"{facts['name']} ({facts['kind']}): {facts['title']}"]
    if facts["kind"] == "dataset":
        return "\n".join([*lines, *_dataset_lines(facts)])
    paper = f"{facts['paper']} ({facts['venue']}{' ' + str(facts['year']) if facts['year'] else ''})"
    lines += [f"  paper      {paper}"] if facts["paper"] else []
    lines += [*([f"  url        {facts['url']}"] if facts["url"] else [])]
    lines += _method_lines(facts) if facts["kind"] == "method" else _model_lines(facts)
    lines += _space_lines(facts)
    return "\n".join(lines)


def _method_lines(facts: Mapping[str, Any]) -> list[str]:
    lines = [
        f"  family     {facts['family']}",
        f"  tasks      {', '.join(facts['tasks'])}",
        f"  students   {', '.join(facts['students']) or 'none'}",
        f"  teacher    {facts['teacher']}",
        f"  inference  {facts['inference']}",
    ]
    if not facts["training_data"]:
        lines.append("  data       none: it distils without training data")
    if facts["artefacts"]:
        lines.append(f"  artefacts  {', '.join(facts['artefacts'])}")
    if facts["trains_on_validation"]:
        lines.append("  labels     learns from validation labels: no board ranks it beside methods that do not")
    if facts["own_term"] is not None:
        lines.append(f"  own term   off at {settings(facts['own_term'])}, which leaves {facts['without_own_term']}")
    if facts["status"] == "reconstructed":
        lines.append("  status     reconstructed: neither paper nor code give the complete algorithm")
    for name, words in facts["variants"].items():
        mark = " (selects on test labels: for reproductions alone)" if name in facts["test_selected"] else ""
        lines.append(f"  variant    {name}{mark}: {words}")
    return lines


def _model_lines(facts: Mapping[str, Any]) -> list[str]:
    computes = [f"  computes   {facts['computes']}"] if facts["computes"] else []
    return [f"  kind       {facts['architecture']}", f"  settings   {', '.join(facts['settings'])}", *computes]


def _space_lines(facts: Mapping[str, Any]) -> list[str]:
    if not facts["hyperparameters"]:
        return ["  no hyperparameters"]
    rows = []
    for row in facts["hyperparameters"]:
        when = " and ".join(f"{parent} is {value}" for parent, value in row["when"].items())
        searched = (row["range"] or "fixed") + (f", when {when}" if when else "")
        about = row["description"] + (f" ({row['bounds']})" if row["bounds"] else "")
        rows.append((row["name"], brief(row["default"]), searched, about, row["source"] or "-"))
    lines = ["", table(("hyperparameter", "default", "search", "description", "source of the range"), rows)]
    for preset in facts["presets"]:
        where = ", ".join(preset["dataset"]) + (f" under {', '.join(preset['split'])}" if preset["split"] else "")
        lines.append(f"preset for {where}: {settings(preset['values'])} ({preset['source']})")
    for preset in facts["kinds"]:
        searched = "".join(f"; {name} from {next(iter(raw.values()))}" for name, raw in preset["space"].items())
        of = " and ".join(preset["kind"])
        lines.append(f"own graphs that are {of}: {settings(preset['values'])}{searched} ({preset['source']})")
    for preset in facts["named"]:
        of = ", ".join(preset["dataset"])
        lines.append(f"{facts['name']}@{preset['name']} for {of}: {settings(preset['values'])} ({preset['source']})")
    return lines


def _dataset_lines(facts: Mapping[str, Any]) -> list[str]:
    counts = [
        name.name for name in fields(DatasetInfo) if name.name in ("graphs", "nodes", "edges", "features", "classes")
    ]
    known = ", ".join(f"{facts[name]:,} {name}" for name in sorted(counts, key=_ORDER.index) if facts[name] is not None)
    lines = [
        f"  task       {facts['task']}, judged by {facts['metric']}",
        f"  splits     {', '.join(facts['splits'])} (the first one unless another is named)",
        f"  counts     {known or 'unknown'}",
        f"  source     {facts['source']} ({facts['origin']})",
        *([f"  note       {facts['note']}"] if facts["note"] else []),
    ]
    words = {True: "yes", False: "no", None: "unknown"}
    return [*lines, f"  at hand    {words[facts['at_hand']]}: {facts['where']}"]


_ORDER = ("graphs", "nodes", "edges", "features", "classes")
