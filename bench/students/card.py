"""What a saved student says of itself, `student.json`. Reading cards loads no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id, is_id
from graph_distillery.bench.records import Record
from graph_distillery.methods.task_info import Metric
from graph_distillery.near_names import hint
from graph_distillery.search_spaces.errors import first_problem

#: In a store, a folder per student: `students/ID/` with `student.safetensors` and `student.json`.
FOLDER, CARD, WEIGHTS = "students", "student.json", "student.safetensors"
Kept = Literal["best", "all", "named"]
_Values = dict[str, bool | int | float | str | list[Any] | None]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataCard(_Part):
    """The data that it was trained on: name and hashes as in the records, and what may be done with them.

    class_names: the word of each class, where the labels of its file are words.
    """

    name: str
    sha256: str
    node_order_sha256: str
    split: str
    split_seed: int
    setting: str
    source: str | None = None
    licence: str | None = None
    class_names: tuple[str, ...] = ()


class NetworkCard(_Part):
    """What builds the network anew: a model of the registry, its hyperparameters, and its widths.

    num_nodes: of the training graph; the weights of some models are of its nodes. edge_width: of the attributes of its
    arcs, which some models read.
    """

    model: str
    hyperparameters: _Values
    in_features: Annotated[int, Field(ge=1)]
    out_features: Annotated[int, Field(ge=1)]
    level: Literal["node", "graph", "pair"]
    num_nodes: int
    params: int
    edge_width: int | None = None


class ReadsCard(_Part):
    """What a prediction reads. edges: whether the arcs of the graph; arcs: `weight` or `attributes` of
    these, which the training graph had and the model reads. column: a column that is made of the graph before
    (by `artefact`, of these settings), read `beside` the features or `instead` of them; of place `column` one that the
    method gave to the nodes of the training graph, and no artefact makes. own_nodes: whether that column
    is known for the nodes of the training graph, and for others by their arcs to these alone.
    """

    features: Annotated[int, Field(ge=1)]
    edges: bool
    arcs: tuple[str, ...] = ()
    column: str | None = None
    place: Literal["beside", "instead", "column"] = "beside"
    artefact: str | None = None
    settings: _Values = Field(default_factory=dict)
    own_nodes: bool = False
    features_sha256: str | None = None


class StudentCard(_Part):
    """The card of a saved student.

    id: a hash of its cell, configuration and seeds. record: the report record that it is of. kept: why it is there.
    scores: of these very weights, `val` and `test`, fractions. repeats_record: whether they are the record's; another
    machine may round otherwise where a student was trained again to be saved. hparams: of method and student, as in the
    record. sha256: of the weights.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    id: str
    record: str
    store_id: str
    kept: Kept
    created: str
    suite_version: str
    git_sha: str | None = None
    task: str
    metric: Metric
    data: DataCard
    cell: str
    method: str
    variant: str
    teacher: str | None = None
    selection: str | None = None
    seed: int
    hparams: _Values
    network: NetworkCard
    reads: ReadsCard
    scores: dict[str, dict[str, float]]
    repeats_record: bool = True
    environment: dict[str, Any]
    load: str
    dataset_sha256: str
    node_order_sha256: str
    sha256: str

    @property
    def needs(self) -> str:
        """What a prediction reads, in words."""
        graph = "features and arcs" if self.reads.edges else "features"
        graph += f" with their {' and '.join(self.reads.arcs)}" if self.reads.arcs else ""
        if self.reads.column is None:
            return graph
        if self.reads.place == "column":
            return f"{graph}, and {self.reads.column} of the nodes it was trained with, the only ones it predicts"
        whose = ", of the nodes it was trained with and their neighbours" if self.reads.own_nodes else ""
        return f"{graph} and {self.reads.artefact} ({self.reads.place} them, made of the graph{whose})"


def student_id(record: Record) -> str:
    """The same for every record of one training: whatever it was selected as, and out of how many trials."""
    hparams = dict(sorted(record.hparams.items()))
    return content_id(["student", record.cell.id, hparams, record.seed, record.cell.split_seed])


def folder_of(path: Path) -> Path:
    """The folder of a student that is named by it, or by one of its files.

    Raises:
        UserError: there is none; one line, which of a store says what students it has.
    """
    place = path.parent if path.name in (CARD, WEIGHTS) else path
    if (place / CARD).is_file():
        return place
    if (place / FOLDER).is_dir() or (place / "store.json").is_file():
        saved = sorted(each.name for each in (place / FOLDER).glob("*") if is_id(each.name))
        if len(saved) == 1:
            return place / FOLDER / saved[0]
        told = f"{len(saved)} students in it; name one, as {path / FOLDER / saved[0]}" if saved else "no student in it"
        more = "" if saved else "; --save-students best saves them"
        raise UserError(f"{path}: is a store with {told}{more}")
    if place.parent.is_dir() and place.parent.name == FOLDER:
        saved = sorted(each.name for each in place.parent.glob("*") if is_id(each.name))
        raise UserError(f"{path}: is no student; {hint(place.name, saved, 'the store has')}")
    raise UserError(f"{path}: is no student (no {CARD} in it)" if place.exists() else f"{path}: there is nothing there")


def read_card(folder: Path) -> StudentCard:
    """The card in a student's folder.

    Raises:
        UserError: it cannot be read, or is not one.
    """
    place = folder / CARD
    try:
        return StudentCard.model_validate_json(place.read_bytes())
    except OSError as error:
        raise UserError(f"{place}: cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        raise UserError(first_problem(error, str(place), lambda _: StudentCard.model_fields)) from None


def saved_in(store: Path) -> dict[str, StudentCard]:
    """The students of a store by id, those whose cards can be read."""
    found = {}
    for place in sorted((store / FOLDER).glob("*")):
        if is_id(place.name) and (place / CARD).is_file():
            found[place.name] = read_card(place)
    return found


def best_of(store: Path, name: str | None, of: dict[str, str | None]) -> Path:
    """The folder of a store's student: of that id, or of all that `of` fits (by dataset, method, model) the one with
    the best validation score.

    Raises:
        UserError: none is that.
    """
    saved = saved_in(store)
    if not saved:
        raise UserError(f"{store}: has no student in it; --save-students best saves them")
    if name is not None:
        if name not in saved:
            raise UserError(f"{store}: has no student {name!r}; {hint(name, saved, 'it has')}")
        return store / FOLDER / name
    chosen = dict(saved)
    for what, wanted in of.items():
        if wanted is None:
            continue
        there = sorted({_told(card)[what] for card in chosen.values()})
        chosen = {key: card for key, card in chosen.items() if _told(card)[what] == wanted}
        if not chosen:
            raise UserError(f"{store}: has no student of {what} {wanted!r}; {hint(wanted, there, 'it has')}")
    metrics = {(card.data.name, card.metric) for card in chosen.values()}
    if len(metrics) > 1:
        raise UserError(f"{store}: has students of {', '.join(sorted(each for each, _ in metrics))}; name the dataset")
    best = max(chosen, key=lambda key: (chosen[key].scores["val"][chosen[key].metric], -chosen[key].seed))
    return store / FOLDER / best


def _told(card: StudentCard) -> dict[str, str]:
    return {"dataset": card.data.name, "method": card.method, "model": card.network.model}


def card_json(card: StudentCard) -> dict[str, Any]:
    """The card as plain data."""
    content: dict[str, Any] = json.loads(card.model_dump_json(by_alias=True))
    return content
