"""What a spec, or a word of the command line, says of a dataset of the user's own. Loads no torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.registry import DATASETS, added_splits
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.task_info import Metric
from graph_distillery.methods.tasks.metrics import metrics_of
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.near_names import hint, unknown_line
from graph_distillery.search_spaces.errors import first_problem

#: What begins the word of the command line.
FILE, PYTHON = "file:", "python:"
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NODE_SPLITS = (
    "random-60-20-20", "public", "cpf", "planetoid-random", "balanced-20-20", "gprgnn-60-20-20", "sealed-20-30",
    "sealed-60-20-20", "isolation", "random-10-10-80",
)  # fmt: skip
#: The splits of each task that a graph of one's own may have, the usual one first.
SPLITS: dict[str, tuple[str, ...]] = {
    "node-classification": _NODE_SPLITS,
    "node-multilabel": ("random-60-20-20", "public", "sealed-60-20-20"),
    "graph-classification": ("kfold-10", "holdout-70-30", "sealed-60-20-20", "public"),
    "link-prediction": ("links-5-10", "links-production", "public", "random-60-20-20"),
}


class DataSource(BaseModel):
    """A dataset of one's own: a file, or a function of a package that returns a PyG `Data` or a `Dataset`.

    name: what records and boards call it; left out, the file's stem. split: its usual one. nodes: the table of nodes
    beside an edge list. splits: a file of own splits, which is then its split `public`. undirected: take every arc in
    both directions; left out, edge lists and graphs whose links are predicted are, other files stay as they are.
    classes: how many there are, where that is more than the greatest label says. licence: of the data, for the card of
    a student trained on it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = Field(None, min_length=1)
    python: str | None = None
    name: str = Field(min_length=1)
    task: str = "node-classification"
    metric: Metric | None = None
    split: str | None = None
    nodes: str | None = Field(None, min_length=1)
    splits: str | None = Field(None, min_length=1)
    undirected: bool | None = None
    classes: int | None = Field(None, ge=1, le=1_000_000)
    licence: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        file, python = value.get("file"), value.get("python")
        if (file is None) == (python is None):
            raise ValueError("a dataset of one's own has either 'file' or 'python'")
        if value.get("name") is None:
            said = Path(file).stem if isinstance(file, str) else str(python).rpartition(":")[2].rpartition(".")[2]
            return {**value, "name": said}
        return value

    @field_validator("python")
    @classmethod
    def _is_target(cls, target: str | None) -> str | None:
        if target is not None and not _TARGET.fullmatch(target):
            raise ValueError(f"{target!r} is not package.module:function")
        return target

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r}: a name is letters, digits, dots, dashes and underscores; say 'name:'")
        return name

    @model_validator(mode="after")
    def _fits(self) -> DataSource:
        if self.task not in SPLITS:
            raise ValueError(unknown_line("task of a graph of one's own", self.task, SPLITS))
        metrics = metrics_of(TASKS.get(self.task))
        if self.metric is not None and self.metric not in metrics:
            raise ValueError(f"metric {self.metric} does not fit {self.task}; {hint(self.metric, metrics)}")
        splits = (*SPLITS[self.task], *added_splits(TASKS.get(self.task)))
        if self.split is not None and self.split not in splits:
            raise ValueError(unknown_line(f"split of {self.task}", self.split, splits))
        if self.python is not None and (self.nodes or self.splits):
            raise ValueError("nodes and splits are for files; the function returns its own masks")
        if self.predicts_links and (self.splits or self.undirected is False):
            said = "splits" if self.splits else "undirected: false"
            raise ValueError(
                f"{said}: the edges of a graph are its pairs, undirected, and parted by links-5-10 and so on"
            )
        return self

    @property
    def predicts_links(self) -> bool:
        """Whether its items are pairs of nodes."""
        return TASKS.get(self.task).items == "pair"

    @property
    def info_metric(self) -> Metric:
        """What it is judged by."""
        return self.metric or TASKS.get(self.task).metrics[0]

    def info(self) -> DatasetInfo:
        """Its entry among the datasets; nothing is read."""
        usual = SPLITS[self.task]
        first = self.split or ("public" if self.splits else usual[0])
        return DatasetInfo(
            name=self.name,
            title=f"{self.name}, a dataset of the user's own",
            task=self.task,
            metric=self.info_metric,
            splits=(first, *(each for each in usual if each != first)),
            source=str(self.file or self.python),
            kind="own",
            target="graph_distillery.bench.data.files.reading:own_dataset",
            options={"source": self},
        )

    def beside(self, folder: Path) -> DataSource:
        """With paths that begin in a folder, absolute."""
        places = {
            name: str((folder / Path(value).expanduser()).absolute())
            for name in ("file", "nodes", "splits")
            if (value := getattr(self, name)) is not None
        }
        return self.model_copy(update=places)


def is_own(word: object) -> bool:
    """Whether a name of the command line is that of a dataset of one's own."""
    return isinstance(word, str) and word.startswith((FILE, PYTHON))


def source_of(word: str, where: str, folder: Path | None = None) -> DataSource:
    """`file:PATH` or `python:module:function`, and more of it after commas: `file:mine.pt,split=public,name=m`.

    Raises:
        UserError: an unknown key, or a value that cannot be; `where` opens the line.
    """
    kind = "file" if word.startswith(FILE) else "python"
    first, *pairs = word.removeprefix(f"{kind}:").split(",")
    content: dict[str, Any] = {kind: first}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"{where}: after a comma comes KEY=VALUE, as in split=public, not {pair[:80]!r}")
        content[key.strip()] = {"true": True, "false": False}.get(value.strip(), value.strip())
    return parse_source(content, where).beside(folder or Path.cwd())


def parse_source(content: Any, where: str) -> DataSource:
    """A source from plain data. Raises UserError, one line that begins with `where`."""
    try:
        return DataSource.model_validate(content)
    except ValidationError as error:
        raise UserError(first_problem(error, where, lambda _: DataSource.model_fields)) from None


def adopt(source: DataSource, where: str, anew: bool = True) -> DatasetInfo:
    """Make it one of the datasets of this process; with `anew` in the place of an own one of the same name.

    Raises:
        UserError: the name is that of a dataset which is not the user's.
    """
    if source.name in DATASETS:
        if DATASETS.get(source.name).kind != "own":
            raise UserError(f"{where}: {source.name!r} is the name of another dataset; say 'name:'")
        if not anew:
            return DATASETS.get(source.name)
        DATASETS.unregister(source.name)
    DATASETS.register(source.info())
    _ADOPTED[source.name] = _ADOPTED.get(source.name, 0) + 1
    return DATASETS.get(source.name)


#: How often a name was given to a dataset of one's own; what was read under an earlier number is not what it is now.
_ADOPTED: dict[str, int] = {}


def number_of(name: str) -> int:
    """How often a name was adopted in this process: whoever keeps a dataset by its name keeps this number beside it."""
    return _ADOPTED.get(name, 0)


def sorted_out(content: dict[Any, Any], folder: Path, where: str) -> dict[Any, Any]:
    """A spec's plain data with every dataset by its name, and own ones under `own`, paths from `folder`.

    Raises:
        UserError: what is said of one cannot be; names its place in the list.
    """
    listed = content.get("datasets")
    if not isinstance(listed, list) or not any(isinstance(each, dict) or is_own(each) for each in listed):
        return content
    names, own = [], []
    for number, each in enumerate(listed):
        place = f"{where}: datasets.{number}"
        if isinstance(each, dict):
            own.append(parse_source(each, place).beside(folder))
        elif is_own(each):
            own.append(source_of(each, place, folder))
        names.append(own[-1].name if isinstance(each, dict) or is_own(each) else each)
    given = content.get("own") or []
    return {**content, "datasets": names, "own": [*given, *(each.model_dump(exclude_defaults=True) for each in own)]}
