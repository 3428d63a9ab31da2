"""Values as words of a shell script: quoted, but for variables, which the node that runs the script expands."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from graph_distillery.bench.cluster.fields import VARIABLE
from graph_distillery.bench.cluster.files import absolute
from graph_distillery.bench.errors import UserError

#: The end of a variable's word.
UNSET = ":?is not set on this node}"


class Literal(str):
    """A text of which nothing is expanded: a path that is there now."""

    __slots__ = ()


def quoted(text: str) -> str:
    """One word of a shell. A variable that the node does not have ends the script with a line that names it.

    >>> quoted("/scratch/$USER/a b")
    '/scratch/"${USER:?is not set on this node}"\\'/a b\\''
    """
    if isinstance(text, Literal) or "$" not in text:
        return shlex.quote(text)
    words, at = [], 0
    for found in VARIABLE.finditer(text):
        words.append(text[at : found.start()])
        words.append(f'"${{{found[1] or found[2]}{UNSET}"')
        at = found.end()
    words.append(text[at:])
    return "".join(word if word.startswith('"${') else _literal(word) for word in words)


def _literal(text: str) -> str:
    """A piece of a word; $ and the quote of above cannot begin one, for VARIABLE took them."""
    return shlex.quote(text) if text else ""


def joined(words: Iterable[str]) -> str:
    """Words of a command, each quoted."""
    return " ".join(quoted(word) for word in words)


def exports(values: Mapping[str, str]) -> list[str]:
    """A line for each variable."""
    return [f"export {name}={quoted(value)}" for name, value in values.items()]


def place(text: str, what: str) -> str:
    """A path as the nodes see it: one that begins with a variable is theirs, another is of this machine's folder.

    Raises:
        UserError: it cannot be printed, or this machine's folder has a $ in its name and the path names variables.
    """
    if text.startswith("$"):
        return text
    whole = absolute(Path(text), what)
    if "$" not in text:
        return Literal(whole)
    if "$" in whole.removesuffix(text):
        raise UserError(f"{what}: {text} is within {whole.removesuffix(text)}, whose $ no shell may expand")
    return whole


def without_variables(text: str, what: str) -> str:
    """The text, where nothing will expand it.

    Raises:
        UserError: it names a variable.
    """
    if found := VARIABLE.search(text):
        raise UserError(f"{what}: {found[0]} is expanded by no one there; write out what it stands for")
    return text
