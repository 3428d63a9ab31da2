"""How many neighbours a model draws per layer in training: the hyperparameter of those that can."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from graph_distillery.bench.models.base import ModelHyperparameters


class SampledHyperparameters(ModelHyperparameters):
    """Of a model whose layers read drawn neighbourhoods as well as whole ones."""

    fan_out: str | None = Field(
        None,
        description="neighbours drawn per node in training, as 5 or 5,10, a number per layer, the layer nearest the "
        "input first; null reads them all, as inference always does",
    )

    @field_validator("fan_out", mode="before")
    @classmethod
    def _one_count(cls, value: object) -> object:
        """A bare number, as YAML reads `fan_out: 5`."""
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _check_fan_out(self) -> Self:
        if self.fan_out is not None:
            block = getattr(self, "block", "plain")
            if block != "plain":
                raise ValueError(f"block {block!r} reads all neighbours; fan_out is for plain")
            parts = self.fan_out.split(",")
            if not all(part.strip().isdecimal() and 0 < int(part) <= 1_000_000 for part in parts):
                raise ValueError(f"fan_out {self.fan_out!r}: expected counts of at least 1, as 5 or 5,10")
            if len(parts) not in (1, self.layers):
                raise ValueError(f"fan_out {self.fan_out!r} names {len(parts)} layers and the model has {self.layers}")
        return self

    def neighbours_per_layer(self) -> tuple[int, ...] | None:
        """The counts that `fan_out` names, one per layer."""
        if self.fan_out is None:
            return None
        counts = tuple(int(part) for part in self.fan_out.split(","))
        return counts * self.layers if len(counts) == 1 else counts
