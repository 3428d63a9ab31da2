"""`distillery run`: one cell at a fixed configuration, a spec without a search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_distillery.bench.cli.commands.sweep import carry_out
from graph_distillery.bench.data.files.source import adopt, is_own, source_of
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.spec import Spec, parse_spec
from graph_distillery.bench.sweeps.store.files import plan_in
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.near_names import did_you_mean, nearest, unknown_line
from graph_distillery.search_spaces import SpaceError, load_space, load_yaml

_MOST_SEEDS = 10_000
_MOST_NUMBERS = 10_000_000


@dataclass(frozen=True)
class Choice:
    """What the command line names; None takes the usual one.

    teacher: `gcn`, or `gcn+sage` for two that teach together; seeds: `0-9` or `0,2,5`; pairs: `alpha=0.3`.
    """

    dataset: str
    method: str
    student: str | None = None
    teacher: str | None = None
    split: str | None = None
    setting: str | None = None
    variant: str = "paper"
    seeds: str = "0-9"
    pairs: tuple[str, ...] = ()
    save_students: str | None = None


def run(choice: Choice, out: Path, means: Means, data: Path | None, as_json: bool, quiet: bool = False) -> int:
    """Train the cell on every report seed, with the controls beside it."""
    students = StudentsKept.parse(choice.save_students) if choice.save_students is not None else None
    plan = plan_in(out, spec_of(choice), preflight.data_folder(data))
    return carry_out(plan, out, means, as_json, students=students, quiet=quiet)


def spec_of(choice: Choice) -> Spec:
    """The spec of one cell.

    Raises:
        UserError, UnknownNameError, SpaceError: one line that names the option and the nearest valid name.
    """
    source = source_of(choice.dataset, "--dataset") if is_own(choice.dataset) else None
    dataset = DATASETS.get(choice.dataset) if source is None else adopt(source, "--dataset")
    info = METHODS.get(choice.method)
    graphs = TASKS.get(dataset.task).items == "graph"
    student, teacher = choice.student, choice.teacher
    if student is None and info.students:
        usual = "mlp" if "mlp" in info.students else "gin" if graphs else "gcn"
        student = next(iter(info.student_models), usual)
    if teacher is None and info.teacher != "none":
        teacher = "gin" if graphs else "sage"
        teacher += "+gcn" if info.teacher == "many" else ""
    teachers = (teacher or "").split("+") if teacher else []
    if len({model.partition("@")[0] for model in teachers}) < len(teachers):
        raise UserError(f"--teacher: {teacher} names a model twice")
    presets = {model.partition("@")[0]: model.partition("@")[2] or None for model in teachers}
    of_student, teachers = (student or "").partition("@")[2] or None, list(presets)
    student, teacher = student and student.partition("@")[0], "+".join(teachers) or None
    for model in (student, *teachers):
        if model is not None:
            MODELS.get(model)
    if info.teacher == "many" and len(teachers) == 1:
        raise UserError(f"--teacher: {info.name} takes several teachers, and {teacher} is one")
    if info.teacher == "one" and len(teachers) > 1:
        raise UserError(f"--teacher: {info.name} takes one teacher, and {teacher} are {len(teachers)}")
    of_teachers = {f"teacher.{model}": model for model in teachers} if len(teachers) > 1 else {"teacher": teacher}
    fix = settle(choice.pairs, {"method": info.name, "student": student, **of_teachers})
    taught_by = [
        {"model": model, "fix": fix[key], "preset": presets[model]} for key, model in of_teachers.items() if model
    ]
    content: dict[str, Any] = {
        "name": f"{dataset.name}-{info.name}".replace("+", "-and-"),
        "datasets": [dataset.name],
        **({} if source is None else {"own": [source.model_dump(exclude_none=True)]}),
        "split": choice.split,
        "setting": choice.setting,
        "teachers": [taught_by] if taught_by else [],
        "students": [{"model": student, "fix": fix["student"], "preset": of_student}] if student else [],
        "methods": [{"name": info.name, "variant": _variant(info, choice.variant), "fix": fix["method"]}],
        "search": {"trials": 0},
        "report": {"seeds": parse_seeds(choice.seeds), "ablated": False},
    }
    return parse_spec(content, "run")


def _variant(info: MethodInfo, name: str) -> str:
    if name not in info.variants:
        raise UserError(f"--variant: {unknown_line(f'variant of {info.name}', name, info.variants)}")
    return name


def parse_seeds(text: str) -> list[int]:
    """`0-9` or `0,2,5` or both."""
    return parse_numbers("--seeds", text, "seed")


def parse_numbers(option: str, text: str, noun: str = "number") -> list[int]:
    """`0-9` or `0,2,5` or both; raises UserError, which names the option."""
    numbers: list[int] = []
    most = _MOST_SEEDS if noun == "seed" else _MOST_NUMBERS
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,10})(?:\s*-\s*(\d{1,10}))?\s*", part)
        if match is None:
            raise UserError(f"{option} {text}: {part.strip()!r} is neither a {noun} nor a range such as 0-9")
        low = int(match[1])
        high = int(match[2]) if match[2] else low
        if high < low or high - low >= most:
            raise UserError(f"{option} {text}: the range {part.strip()} is {'empty' if high < low else 'too long'}")
        numbers += range(low, high + 1)
    return numbers


def settle(pairs: tuple[str, ...], names: Mapping[str, str | None]) -> dict[str, dict[str, Any]]:
    """`--set` pairs by what they are of: method, student, teacher.

    A bare key is the method's; `names` gives the method's and the models' names, None where there is none. Of several
    teachers each is a part of its own, as in `teacher.gcn.hidden`.
    """
    valid = {
        part: load_space("method" if part == "method" else "model", name).settable() if name else []
        for part, name in names.items()
    }
    found: dict[str, dict[str, Any]] = {part: {} for part in names}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"--set {pair}: expected NAME=VALUE, as in alpha=0.3")
        part, dot, name = key.rpartition(".")
        if not dot:
            part, name = "method", key
        if part not in valid or name not in valid[part]:
            raise UserError(f"--set {pair}: {_unknown_key(key, part, names, valid)}")
        if name in found[part]:
            raise UserError(f"--set {pair}: {part}.{name} is set twice")
        found[part][name] = _value(pair, text)
    return found


def _unknown_key(key: str, part: str, names: Mapping[str, str | None], valid: Mapping[str, list[str]]) -> str:
    """Why a key is nothing, with the nearest one."""
    every = [f"{of}.{name}" for of, mine in valid.items() for name in mine]
    if part not in valid:
        return unknown_line("prefix", part, valid)
    if names[part] is None:
        return f"this cell has no {part}"
    if "." not in key:
        same = [name for name in every if name.rpartition(".")[2] == key]
        if len(same) > 1:
            return f"{key!r} is ambiguous; write {' or '.join(same)}"
        near = same[0] if same else nearest(key, valid["method"]) or nearest(f"student.{key}", every)
    else:
        near = nearest(key, every)
    owner = f"{part} {names[part]!r}"
    if near is not None:
        return f"{owner} has no hyperparameter {key!r}; {did_you_mean(near)}"
    mine = ", ".join(valid[part]) or "none"
    return f"{owner} has no hyperparameter {key!r}; its hyperparameters: {mine}"


def _value(pair: str, text: str) -> Any:
    try:
        value = load_yaml(text, source=f"--set {pair}")
    except SpaceError as error:
        raise UserError(str(error)) from None
    if isinstance(value, (dict, list)):
        raise UserError(f"--set {pair}: expected a number, a word, true, false or null")
    return value
