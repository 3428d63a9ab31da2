"""`distillery info file:mine.pt`: what a graph of one's own is like, and a spec to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.data.files.source import adopt, source_of


def run(word: str, as_json: bool) -> int:
    """Read the dataset, by all checks, and print its facts and what is proposed.

    Raises:
        UserError: it cannot be read; one line.
    """
    from graph_distillery.bench.data.files.survey import facts, proposal, spec_text
    from graph_distillery.bench.data.loading import load_dataset

    source = source_of(word, "info")
    info = adopt(source, "info")
    dataset = load_dataset(info.name)
    found, proposed = facts(dataset), proposal(dataset)
    said = source.model_dump(exclude_defaults=True, exclude={"name", "split"})
    spec = spec_text(info.name, said, proposed)
    if as_json:
        named = {"kind": "dataset", "origin": "own", "name": info.name, "task": info.task, "metric": info.metric}
        emit_json({**named, **found, "proposed": {"why": list(proposed.why), "spec": spec}})
        return 0
    lines = [f"{info.name} (dataset of the user's own): {info.source}", f"  task        {info.task}, by {info.metric}"]
    emit("\n".join([*lines, *_lines(found), *(f"  proposed    {reason}" for reason in proposed.why)]))
    emit("\nA spec to begin with:\n\n" + spec.rstrip())
    return 0


def _lines(found: Mapping[str, Any]) -> list[str]:
    degrees, components = found["degrees"], found["components"]
    graphs = f"{found['graphs']:,} graphs, " if found["graphs"] > 1 else ""
    kind = "undirected" if found["undirected"] else "directed"
    columns = ", ".join(
        f"{name}{f' of width {shape[0]}' if shape else ''}" for name, shape in found["edge_columns"].items()
    )
    lines = [
        f"  counts      {graphs}{found['nodes']:,} nodes, {found['arcs']:,} arcs ({kind}), "
        f"{found['features']:,} features",
        f"  degree      mean {degrees['mean']:.1f}, median {degrees['median']:.0f}, most {degrees['most']:,.0f}; "
        f"{degrees['none']:,} nodes that no arc reaches",
        f"  features    {100 * found['feature_density']:.1f} % are not 0",
        f"  components  {components['count']:,}; the largest has {100 * components['largest_share']:.1f} % of nodes",
        f"  classes     {_balance(found)}",
    ]
    if found.get("homophily") is not None:
        adjusted = found["adjusted_homophily"]
        beyond = "" if adjusted is None else f"; adjusted for chance {adjusted:.2f}"
        lines.append(f"  homophily   {found['homophily']:.2f} of the arcs join one class{beyond}")
    if columns:
        lines.append(f"  edges       carry {columns}")
    splits = found["own_splits"]
    lines.append(f"  own splits  {f'{splits}, called public' if splits else 'none'}")
    lines += [f"  changed     {line}" for line in found["changed"]]
    return [*lines, f"  content     sha256 {found['sha256']}"]


def _balance(found: Mapping[str, Any]) -> str:
    counts = found["class_counts"]
    shown = ", ".join(f"{count:,}" for count in counts[:12]) + (", ..." if len(counts) > 12 else "")
    total = sum(counts)
    return f"{found['classes']}: {shown} items; the largest has {100 * max(counts) / max(total, 1):.1f} %"
