"""What a launcher makes: files by name, and the commands that hand them to a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from graph_distillery.bench.errors import UserError


@dataclass(frozen=True)
class Launch:
    """Job files and how to submit them.

    files: text by file name. commands: run in the files' folder, in order, to submit. notes: what to know.
    """

    files: Mapping[str, str]
    commands: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())


def printable(text: str, what: str) -> str:
    """The text, if it is one line: a line break could leave a comment or a directive of a job file.

    Raises:
        UserError: it holds a control character or a line or paragraph separator.
    """
    if not text.isprintable():
        raise UserError(f"{what} {text!r}: holds a character that cannot be printed, which no job file may carry")
    return text


def absolute(path: Path, what: str) -> str:
    """A path as the cluster's nodes see it, on a file system that they share."""
    return printable(str(path.expanduser().absolute()), what)


def documents(*parts: Mapping[str, Any], head: Sequence[str] = ()) -> str:
    """YAML documents under lines of comment."""
    comment = "".join(f"# {printable(line, 'comment')}\n" if line else "#\n" for line in head)
    return comment + yaml.dump_all(parts, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=False)


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def command_line(words: Sequence[str]) -> str:
    """Quoted for a shell."""
    return shlex.join(words)
