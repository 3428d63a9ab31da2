"""The one place where weights move."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from graph_distillery.bench.conformance import Case
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.bench.training.update import GradientUpdate


def descent(*parts: nn.Parameter, clip: float | None = None) -> GradientUpdate:
    return GradientUpdate([torch.optim.SGD([part], lr=0.5) for part in parts], clip)


@pytest.mark.parametrize(("clip", "expected"), [(None, (5.0, -7.0)), (2.0, (7.4, -10.2)), (100.0, (5.0, -7.0))])
def test_a_gradient_is_scaled_down_to_the_clip(clip: float | None, expected: tuple[float, float]) -> None:
    """d/dw (6 w_1 - 8 w_2) = (6, -8), of norm 10; the rate is 1/2."""
    weights = nn.Parameter(torch.tensor([8.0, -11.0]))
    terms = {"one": 6 * weights[0], "other": -8 * weights[1]}
    told = descent(weights, clip=clip)(terms)
    torch.testing.assert_close(weights.detach(), torch.tensor(expected))
    assert (told["one"].item(), told["other"].item()) == (48.0, 88.0)
    assert not any(term.requires_grad for term in told.values())


def test_each_optimiser_moves_its_own_and_old_gradients_are_gone() -> None:
    one, other = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(2.0))
    update = descent(one, other)
    update({"product": one * other}, 0)
    assert (one.item(), other.item()) == (0.0, 2.0)
    update({"square": other**2}, 1)  # the product's gradient in `other`, 1, was never its own
    assert other.item() == 0.0


def test_rates_are_factors_of_what_the_optimiser_was_made_with() -> None:
    weight = nn.Parameter(torch.tensor(0.0))
    update = descent(weight)
    for factor, rate in ((0.5, 0.25), (0.1, 0.05), (1.0, 0.5)):
        update.scale_rates(factor)
        assert update.optimizers[0].param_groups[0]["lr"] == rate


def test_the_clip_is_a_setting_of_every_student() -> None:
    """A clip that no gradient reaches changes nothing; a tight one does, in a method with two optimisers as well."""
    for name in ("kd", "oad"):
        case = Case(name, "node-classification", "gnn")
        plain, loose, tight = (
            case.trained(epochs=3, **({} if clip is None else {"clip": clip})).method.state_dict()
            for clip in (None, 1e9, 1e-3)
        )
        assert all(torch.equal(plain[name], loose[name]) for name in plain)
        assert not all(torch.equal(plain[name], tight[name]) for name in plain)


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), True, "1"])
def test_a_clip_is_above_nought(value: Any) -> None:
    with pytest.raises(UserError, match="clip must be a number above 0"):
        _ = Configuration("kd", student="mlp", student_hyper={"clip": value}).settings


def test_no_method_takes_a_step_of_its_own(repo_root: Path) -> None:
    """But for the inversion of gfkd, whose fake graphs are data in the making."""
    found = []
    for file in sorted((repo_root / "methods").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if node.func.attr == "backward" or (node.func.attr == "step" and owner != "super()"):
                    found.append(file.relative_to(repo_root / "methods").as_posix())
    assert found == ["gfkd/inversion.py"]
