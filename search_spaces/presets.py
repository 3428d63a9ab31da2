"""Published settings that a space holds: of datasets, of kinds of graphs, and those that are asked for by a name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from graph_distillery.search_spaces.values import Scalar, scalar


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ScalarField = Annotated[Scalar, BeforeValidator(scalar)]
NamesField = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Preset(BaseModel):
    """Settings published for some datasets, and for some splits of them when ``split`` is given.

    They may hold what stands beside a space (`space.BESIDE`), which is then fixed there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: NamesField = Field(min_length=1)
    split: NamesField | None = None
    values: dict[str, ScalarField] = Field(min_length=1)
    source: str = Field(min_length=1)

    def matches(self, dataset: str | None, split: str | None) -> bool:
        """Whether the settings are for this dataset and split; those of a split need it to be named."""
        return dataset in self.dataset and (self.split is None or split in self.split)


class NamedPreset(BaseModel):
    """Settings published for some datasets that nobody takes unless asked for by `name`. They are then pinned, whatever
    the ranges are: what was tuned elsewhere is not searched again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    dataset: NamesField = Field(min_length=1)
    values: dict[str, ScalarField] = Field(min_length=1)
    source: str = Field(min_length=1)


class KindPreset(BaseModel):
    """What to begin with, and what to search, on graphs that are of all the kinds named, where no name says more.

    values: other defaults and fixed values; space: other ranges, in the words of the YAML files.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: NamesField = Field(min_length=1)
    values: dict[str, ScalarField] = Field(default_factory=dict)
    space: dict[str, dict[str, Any]] = Field(default_factory=dict)
    source: str = Field(min_length=1)
