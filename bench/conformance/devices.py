"""A device that refuses to mix with the CPU, on a machine that has none: what a first run on a GPU would stumble over.

Within `another_device` the device `meta` computes: its tensors hold their numbers on the CPU, and an operation that
mixes them with tensors of the CPU raises what CUDA would. As on CUDA, a scalar of the CPU may stand beside them in an
operation of elements, a tensor of the CPU may say which of their elements are meant, and copies go both ways.
What it cannot tell: kernels that CUDA lacks, and all of what numbers differ by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

#: The device's name. Its own tensors elsewhere have no numbers; here they have.
DEVICE = "meta"
#: Operations that take tensors of both: copies, and indices on the CPU.
_COPIES = ("aten::copy_", "aten::_to_copy", "aten::_copy_from")
_INDICES = ("aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_", "aten::_unsafe_index")

#: Functions that read numbers, that make tensors of none, and that make sparse ones.
_READ = (Tensor.tolist, Tensor.item)
_MADE = (torch.tensor, torch.as_tensor)
_SPARSE = (torch.sparse_coo_tensor, torch.sparse_csr_tensor)
_OfCPU = torch.Generator


class _Generator(_OfCPU):
    """One of the device."""


class _Either(_OfCPU):
    """Stands for `torch.Generator`: makes one of the device that is named."""

    def __new__(cls, device: torch.device | str = "cpu") -> torch.Generator:  # type: ignore[misc]
        return _Generator() if torch.device(device).type == DEVICE else _OfCPU(device)


class MixedDevices(RuntimeError):
    """An operation on tensors of two devices."""


class _Elsewhere(Tensor):
    """A tensor of the device; `held` are its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _Elsewhere:
        strides = held.stride() if held.layout == torch.strided else None
        made: _Elsewhere = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=strides, dtype=held.dtype, device=torch.device(DEVICE), requires_grad=False
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # the base class calls a function a type
        cls, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        return _computed(function, arguments, named or {})


def _computed(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """What an operation gives, on the device that it takes place on."""
    given = [each for each in tree_flatten((arguments, named))[0] if isinstance(each, Tensor)]
    here = [each for each in given if not isinstance(each, _Elsewhere)]
    there = {id(each.held): each for each in given if isinstance(each, _Elsewhere)}
    name, device = function._schema.name, named.get("device")
    if there:
        _check(function, name, arguments, here)
    goes_there = bool(there) if device is None else torch.device(device).type == DEVICE
    if device is not None:
        named = {**named, "device": torch.device("cpu")}
    if name == "aten::copy_":
        goes_there = isinstance(arguments[0], _Elsewhere)

    def placed(each: Any) -> Any:
        if not isinstance(each, Tensor) or not goes_there:
            return each
        return there[id(each)] if id(each) in there else _Elsewhere(each)

    with torch.inference_mode(False), torch.no_grad():  # a view of what is made in inference mode has no place there
        return tree_map(placed, function(*tree_map(_held, arguments), **tree_map(_held, named)))


def _held(each: Any) -> Any:
    return each.held if isinstance(each, _Elsewhere) else each


def _check(function: Any, name: str, arguments: tuple[Any, ...], here: list[Tensor]) -> None:
    if name in _COPIES:
        return
    if name in _INDICES and isinstance(arguments[0], _Elsewhere):  # the values, if any, must be there
        here = [each for each in arguments[2:] if isinstance(each, Tensor) and not isinstance(each, _Elsewhere)]
    if torch.Tag.pointwise in function.tags or name in _INDICES:
        here = [each for each in here if each.dim()]
    if here:
        shapes = ", ".join(str(list(each.shape)) for each in here)
        raise MixedDevices(f"{name}: tensors of the device, and of the CPU {shapes}")


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        return _computed(function, arguments, named or {})


class _Calls(TorchFunctionMode):
    """Calls that read memory without an operation."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        if function in _READ and isinstance(arguments[0], _Elsewhere):
            return function(arguments[0].held, *arguments[1:])
        if function in _MADE and torch.device((named or {}).get("device") or "cpu").type == DEVICE:
            return function(*arguments, **{**(named or {}), "device": "cpu"}).to(DEVICE)
        if function is Tensor.new_tensor and isinstance(arguments[0], _Elsewhere):
            return arguments[0].held.new_tensor(*arguments[1:], **(named or {})).to(DEVICE)
        flat = tree_flatten((arguments, named or {}))[0]
        if function in _SPARSE and any(isinstance(each, _Elsewhere) for each in flat):
            if any(isinstance(each, Tensor) and not isinstance(each, _Elsewhere) for each in flat):
                raise MixedDevices(f"{function.__name__}: tensors of the device, and of the CPU")
            return self._held_by_layout(function, arguments, named)
        if any(isinstance(each, _Elsewhere) and each.held.layout != torch.strided for each in arguments):
            return self._held_by_layout(function, arguments, named)
        if any(isinstance(each, _OfCPU) and not isinstance(each, _Generator) for each in flat):
            device = (named or {}).get("device")
            if (device and torch.device(device).type == DEVICE) or any(isinstance(e, _Elsewhere) for e in flat):
                raise MixedDevices(f"{function.__name__}: a generator of the CPU, and a tensor of the device")
        return function(*arguments, **(named or {}))

    def _held_by_layout(self, function: Any, arguments: tuple[Any, ...], named: dict[str, Any] | None) -> Any:
        """What is sparse is seen as such by what holds the numbers alone."""
        with torch.inference_mode(False), torch.no_grad():
            made = function(*tree_map(_held, arguments), **tree_map(_held, named or {}))
            return tree_map(lambda each: _Elsewhere(each) if isinstance(each, Tensor) else each, made)


@contextmanager
def another_device() -> Iterator[str]:
    """Within the block the device computes; yields its name."""
    optimizer = import_module("torch.optim.optimizer")
    supported = optimizer._get_fused_kernels_supported_devices()
    with ExitStack() as stack:
        also: partial[list[str]] = partial(list, [*supported, DEVICE])
        stack.enter_context(patch.object(optimizer, "_get_fused_kernels_supported_devices", also))
        stack.enter_context(patch("torch.Generator", _Either))
        stack.enter_context(_Calls())
        stack.enter_context(_Dispatch())
        yield DEVICE
