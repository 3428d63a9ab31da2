"""`distillery launch`: job files for a cluster, printed, written, or handed to it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.cluster import Launch, make_launch, read_settings
from graph_distillery.bench.cluster.files import command_line
from graph_distillery.bench.errors import UserError


def run(target: str, spec: Path, settings: Path | None, out: Path | None, submit: bool, as_json: bool) -> int:
    """Make the files; with `out` write them, with `submit` also run what hands them over. 1 where that fails."""
    made = make_launch(target, spec, read_settings(settings))
    if submit and out is None:
        out = Path(f"{spec.stem}-{target}")
    if submit:
        _check_programs(made)
    if out is not None:
        _write(made, out)
    said: list[str] = []
    code = 0
    if submit and out is not None:
        code = _submit(made, out, said)
    if as_json:
        emit_json(
            {
                "target": target,
                "folder": str(out) if out else None,
                "files": dict(made.files),
                "commands": [list(words) for words in made.commands],
                "submitted": submit and code == 0,
                "said": said,
            }
        )
        return code
    if out is None:
        emit("".join(made.files.values()).rstrip("\n"))
    for line in said:
        emit(line)
    for line in made.notes:
        note(line)
    if out is not None and not submit:
        for name in made.files:
            note(f"written: {out / name}")
        for words in made.commands:
            note(f"in {out}, run: {command_line(words)}")
    return code


def _write(made: Launch, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in made.files.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror or error}") from None


def _check_programs(made: Launch) -> None:
    for words in made.commands:
        if shutil.which(words[0]) is None:
            raise UserError(
                f"--submit: {words[0]} is not on this machine's path; print the files and submit them there"
            )


def _submit(made: Launch, out: Path, said: list[str]) -> int:
    """Stops at the first command that fails."""
    for words in made.commands:
        secret = "get-auth-token" in words  # prints the token
        done = subprocess.run(words, cwd=out, capture_output=True, text=True, check=False)
        said += [] if secret else done.stdout.splitlines()
        if done.returncode:
            for line in done.stderr.splitlines():
                note(line)
            note(f"distillery: {command_line(words)}: exit code {done.returncode}")
            return 1
    return 0
