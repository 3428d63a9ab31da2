"""What a field of a cluster file may hold. A value may neither leave its line nor be run by a shell."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

#: A variable of the node, the only thing that is expanded there.
VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def one_line(text: str) -> str:
    """The text; ValueError where it holds a line break or another character that cannot be printed."""
    if not text.isprintable():
        raise ValueError("one line of printable characters is expected")
    return text


def _expandable(text: str) -> str:
    """A text whose every $ begins the name of a variable, and which asks for no command."""
    if "`" in text or "$" in VARIABLE.sub("", text):
        raise ValueError("of what a shell expands only $NAME and ${NAME} are, on the node; no command, no other $")
    return text


def _directive(text: str) -> str:
    """An option of a scheduler as its directives take it: quotes closed, nothing that a shell expands."""
    if not text.isascii():
        raise ValueError("a directive is plain ASCII")
    if text.count('"') % 2 or any(sign in text for sign in "'\\`$#"):
        raise ValueError("a directive expands nothing and has no comment: no ', \\, `, $ or #, and quotes closed")
    return text


#: A line of shell that the user answers for.
Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(one_line)]
#: A path or another text that may name variables of the node.
Place = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(one_line), AfterValidator(_expandable)]
#: An option of the scheduler that no field has, as `--comment="night run"`.
Directive = Annotated[str, Field(pattern=r"^-", max_length=500), AfterValidator(one_line), AfterValidator(_directive)]
#: A name in a directive, which knows no quotes.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+@=,&|()\[\]*-]{0,199}$")]
#: A path in a directive, where a scheduler puts its own %j into it.
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9./_][A-Za-z0-9._:/+@=,%^\[\]-]{0,499}$")]
Address = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]+(@[A-Za-z0-9.-]+)?$", max_length=200)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
#: A name of a Kubernetes object.
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
Memory = Annotated[str, Field(pattern=r"^[0-9]+[KMGT]?$")]
#: Slurm's: minutes, minutes:seconds, hours:minutes:seconds, days-hours and so on.
Duration = Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,4}(:[0-9]{2}){0,2}$")]
Count = Annotated[int, Field(ge=0, le=100_000)]
Many = Annotated[int, Field(ge=1, le=100_000)]


def seconds(duration: str) -> int:
    """Of a duration as Slurm writes it.

    >>> seconds("90"), seconds("1:30:00"), seconds("1-12")
    (5400, 5400, 129600)
    """
    days, _, rest = duration.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if days:
        hours, minutes, left = [*parts, 0, 0][:3]
    elif len(parts) == 3:
        hours, minutes, left = parts
    else:
        hours, minutes, left = 0, *[*parts, 0][:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + left


def megabytes(memory: str) -> int:
    """Of an amount as Slurm writes it, in binary megabytes; without a unit it is of megabytes.

    >>> megabytes("128G"), megabytes("1500")
    (131072, 1500)
    """
    number, unit = (memory[:-1], memory[-1]) if memory[-1].isalpha() else (memory, "M")
    return max(1, int(number) * 1024 ** "KMGT".index(unit) // 1024)
