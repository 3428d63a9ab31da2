"""The seeds of a configuration's runs: of the split, the initialisation and the teacher."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Seed = Annotated[int, Field(ge=0, lt=2**31)]
#: Runs that a spec may ask for.
MOST_RUNS = 10_000


class Runs(BaseModel):
    """The runs of a configuration, each by its number: the seed that its record bears.

    seeds: the numbers, or how many. A number seeds the split, the initialisation and the teacher, as GLNN has it.
    splits: with fewer splits than runs, run p (from 0) has the split and the teacher of run p modulo `splits`, and
    an initialisation of its own; `{splits: 5, inits: 2}` is short for ten runs on five splits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seeds: tuple[Seed, ...]
    splits: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = None
    inits: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = Field(None, exclude=True)  # is in seeds and splits

    @model_validator(mode="before")
    @classmethod
    def _crossed(cls, value: Any) -> Any:
        """Splits times initialisations as run numbers, counted from the first of the default's."""
        if not isinstance(value, dict):
            return value
        own = dict(value)
        if isinstance(own.get("seeds"), dict):
            if twice := sorted(own["seeds"].keys() & own.keys()):
                raise ValueError(f"seeds.{twice[0]}: {twice[0]} stands beside seeds too")
            own |= own.pop("seeds")
        splits, inits = own.get("splits"), own.get("inits")
        if (splits is None and inits is None) or not all(each is None or _is_count(each) for each in (splits, inits)):
            return own  # each field says what is wrong with it
        default = cls.model_fields["seeds"].default
        if own.get("seeds") is None:
            number = (splits or len(default)) * (inits or 1)
            if number > MOST_RUNS:
                raise ValueError(f"splits times inits must be at most {MOST_RUNS}, got {number}")
            own["seeds"] = tuple(range(default[0], default[0] + number))
        given = own["seeds"]
        if not isinstance(given, (int, list, tuple)):
            return own
        number = given if isinstance(given, int) else len(given)
        splits = splits or max(number // (inits or 1), 1)
        if inits is not None and splits * inits != number:
            raise ValueError(f"seeds: {number} runs are not {splits} splits times {inits} initialisations")
        if number % splits:
            raise ValueError(f"seeds: {number} runs cannot be shared out evenly over {splits} splits")
        own.pop("inits", None)
        return {**own, "splits": None if splits == number else splits}

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds:
            raise ValueError("at least one seed is needed")
        repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if repeated:
            raise ValueError(f"seed {repeated[0]} is named twice")
        return seeds

    @property
    def split_seeds(self) -> tuple[int, ...]:
        """Those of the splits, and of the teachers, in order."""
        return self.seeds[: self.splits]

    def split_of(self, seed: int) -> int:
        """The seed of a run's split and teacher; a number that is none of these runs is its own."""
        if self.splits is None or seed not in self.seeds:
            return seed
        return self.seeds[self.seeds.index(seed) % self.splits]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
