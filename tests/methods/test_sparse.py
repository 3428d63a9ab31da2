"""SparseMatrix against dense algebra."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.methods.contract.sparse import SparseMatrix

sizes = st.integers(1, 6)


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Mostly zero, float64, often with empty rows and columns."""
    rows, columns = draw(sizes), draw(sizes)
    entries = draw(
        st.lists(st.sampled_from([0, 0, 0, 1.5, -2, 0.25]), min_size=rows * columns, max_size=rows * columns)
    )
    return torch.tensor(entries, dtype=torch.float64).view(rows, columns)


def factor(rows: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, width, dtype=torch.float64, generator=generator)


@given(matrices(), st.integers(1, 3))
def test_products_and_their_gradients(dense: Tensor, width: int) -> None:
    matrix = SparseMatrix.from_torch(dense)
    right, weight = factor(dense.shape[1], width).requires_grad_(), factor(dense.shape[0], width, seed=1)
    torch.testing.assert_close(matrix @ right, dense @ right)
    (gradient,) = torch.autograd.grad(((matrix @ right) * weight).sum(), right)
    torch.testing.assert_close(gradient, dense.T @ weight)


@given(matrices())
def test_other_values_stand_in_for_the_stored_ones(dense: Tensor) -> None:
    """In the product and its backward pass, while the matrix stays as it is."""
    matrix = SparseMatrix.from_torch(dense)
    doubled = matrix.values * 2 + 1
    replaced = torch.where(dense != 0, dense * 2 + 1, 0)
    right = factor(dense.shape[1], 2).requires_grad_()
    product = matrix.matmul(right, doubled)
    torch.testing.assert_close(product, replaced @ right)
    (gradient,) = torch.autograd.grad(product.sum(), right)
    torch.testing.assert_close(gradient, replaced.T @ torch.ones(dense.shape[0], 2, dtype=torch.float64))
    torch.testing.assert_close(matrix.with_values(doubled) @ right, product)
    torch.testing.assert_close(matrix @ right, dense @ right)


@given(matrices())
def test_transpose(dense: Tensor) -> None:
    matrix = SparseMatrix.from_torch(dense)
    transposed = matrix.transpose()
    assert torch.equal(transposed.to_dense(), dense.T)
    assert torch.equal(transposed.transpose().to_dense(), dense)
    assert torch.equal(dense[matrix.row_of_entry, matrix.columns], matrix.values)
    _, _, order = matrix.transposed_places()
    assert torch.equal(transposed.values, matrix.values[order])


@given(st.integers(0, 5), st.integers(0, 5), st.data())
def test_transposed_places_are_those_of_a_stable_sort(rows: int, columns: int, data: st.DataObject) -> None:
    """In whatever order a row's columns stand, repeats and empty matrices included: counting keeps the order."""
    places = st.lists(st.integers(0, columns - 1), max_size=6) if columns else st.just([])
    held = data.draw(st.lists(places, min_size=rows, max_size=rows))
    pointers = torch.tensor([0, *map(len, held)]).cumsum(0)
    at = torch.tensor([column for row in held for column in row], dtype=torch.long)
    matrix = SparseMatrix(pointers, at, torch.ones(len(at)), (rows, columns))
    made = found, of_rows, order = matrix.transposed_places()
    assert torch.equal(order, torch.argsort(at, stable=True))
    assert torch.equal(of_rows, matrix.row_of_entry[order])
    assert torch.equal(found.diff(), torch.bincount(at, minlength=columns))
    assert all(torch.equal(*pair) for pair in zip(matrix._transposed_by_sorting(), made, strict=True))


@given(matrices(), st.data())
def test_selected_rows(dense: Tensor, data: st.DataObject) -> None:
    """In the order asked for, repeats included, none included."""
    rows = torch.tensor(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=6)), dtype=torch.long)
    selected = SparseMatrix.from_torch(dense).select_rows(rows)
    assert selected.shape == (len(rows), dense.shape[1])
    assert torch.equal(selected.to_dense(), dense[rows])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([1.0, 2.0, -1.0])), max_size=12))
def test_entries_on_one_place_add_up(entries: list[tuple[int, int, float]]) -> None:
    expected = torch.zeros(4, 3)
    for row, column, value in entries:
        expected[row, column] += value
    rows, columns, values = (list(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
    coordinates = [torch.tensor(ends, dtype=torch.long) for ends in (rows, columns)]
    matrix = SparseMatrix.from_entries(*coordinates, torch.tensor(values), (4, 3))
    assert torch.equal(matrix.to_dense(), expected)
    for start, end in zip(matrix.row_pointers[:-1].tolist(), matrix.row_pointers[1:].tolist(), strict=True):
        assert matrix.columns[start:end].diff().gt(0).all()


def test_what_was_made_in_inference_mode_still_trains() -> None:
    matrix = SparseMatrix.from_torch(torch.tensor([[0.0, 2.0], [1.0, 0.0]]))
    with torch.inference_mode():
        matrix.transposed_places()
    weights = torch.ones(2, requires_grad=True)
    (gradient,) = torch.autograd.grad((weights[matrix.row_of_entry] ** 2).sum(), weights)
    assert gradient.tolist() == [2.0, 2.0]
