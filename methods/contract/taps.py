"""Tensors of a network by name: what stands in its output, and what any part of it returned on the way.

A name is `logits`, `pooled`, `hidden.I` or `edges.I`, which are of an `Output`; `preactivation.I`, what became hidden
state I before norm and activation; or the path of a submodule as in `named_modules` (`layers.0.linear`), for what that
submodule returned. A negative I counts from the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from torch import Tensor, nn

from graph_distillery.near_names import hint

_SEQUENCES = ("hidden", "edges")


def states_of(model: nn.Module) -> Mapping[str, str]:
    """The states by name that a model says where to find (`Model.named_states`): name -> path of a submodule."""
    named = getattr(model, "named_states", None)
    return {} if named is None else named()


def from_output(output: Any, name: str) -> Tensor | None:
    """A tensor of an `Output` by name, or None where the name is of no part of one.

    Raises:
        ValueError: the output has no such part, or not so many.
    """
    kind, _, index = name.partition(".")
    if kind in _SEQUENCES and _is_number(index):
        parts = getattr(output, kind)
        if not -len(parts) <= int(index) < len(parts):
            raise ValueError(f"no {name}: there are {len(parts)} of {kind}")
        found: Tensor | None = parts[int(index)]
    elif name in ("logits", "pooled"):
        found = getattr(output, name)
        if found is None:
            raise ValueError(f"no {name}: nothing is read out")
    else:
        return None
    return found


@contextmanager
def taps(model: nn.Module, names: Iterable[str]) -> Iterator[dict[str, Tensor]]:
    """What the model's forward passes make within the block, by the names asked for, each overwritten by the next.

    The model is left as it was found. The tensors are those of the pass itself, with their gradients; under neighbour
    sampling a part returns rows for all nodes that it computed, the batch's own first.

    Raises:
        ValueError: no state and no part of the model has such a name; or, in a forward pass, what has it is no tensor.
    """
    taken: dict[str, Tensor] = {}
    handles = []
    try:
        for name in dict.fromkeys(names):
            if _of_output(name):
                handles.append(model.register_forward_hook(_keep_of_output(taken, name)))
            else:
                handles.append(_part(model, name).register_forward_hook(_keep(taken, name)))
        yield taken
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def changed(model: nn.Module, name: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within the block the part of the model that a name stands for returns `change` of what it would return.

    The name is of no part of an `Output`. The model is left as it was found. A tap within the block that was set
    before sees what the part itself returned.

    Raises:
        ValueError: no state and no part of the model has such a name.
    """
    handle = _part(model, name).register_forward_hook(lambda module, arguments, returned: change(returned))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def rereading(model: nn.Module, name: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within the block the part of the model that a name stands for reads `change` of what it would read.

    What it reads is its last argument: the states, for a layer. The model is left as it was found.

    Raises:
        ValueError: no state and no part of the model has such a name.
    """
    handle = _part(model, name).register_forward_pre_hook(lambda module, given: (*given[:-1], change(given[-1])))
    try:
        yield
    finally:
        handle.remove()


def replaced(model: nn.Module, name: str, value: Tensor) -> AbstractContextManager[None]:
    """`changed` to a given value, whatever the part reads."""
    return changed(model, name, lambda _: value)


def _part(model: nn.Module, name: str) -> nn.Module:
    """The submodule whose return value has the name.

    Raises:
        ValueError: there is none; one line with the nearest name.
    """
    named = states_of(model)
    kind, _, index = name.partition(".")
    if _is_number(index) and int(index) < 0:
        count = sum(each.partition(".")[0] == kind for each in named)
        name = f"{kind}.{count + int(index)}" if count + int(index) >= 0 else name
    try:
        if name:
            return model.get_submodule(named.get(name, name))
    except AttributeError:
        pass
    valid = [*named, *(path for path, _ in model.named_modules() if path)]
    raise ValueError(f"{type(model).__name__} has no state or part {name!r}; {hint(name, valid)}")


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def _of_output(name: str) -> bool:
    kind, _, index = name.partition(".")
    return name in ("logits", "pooled") or (kind in _SEQUENCES and _is_number(index))


def _keep(taken: dict[str, Tensor], name: str) -> Any:
    def hook(module: nn.Module, arguments: Any, returned: Any) -> None:
        if not isinstance(returned, Tensor):
            raise ValueError(f"{name}: {type(module).__name__} returns a {type(returned).__name__}, no tensor")
        taken[name] = returned

    return hook


def _keep_of_output(taken: dict[str, Tensor], name: str) -> Any:
    def hook(module: nn.Module, arguments: Any, output: Any) -> None:
        found = from_output(output, name)
        assert found is not None
        taken[name] = found

    return hook
