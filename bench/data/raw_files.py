"""Raw files of downloaded datasets: from the data folder, else from a mirror, else from the network.

The mirror (`DISTILLERY_MIRROR`) is a tree in PyG's layout that is only read. A file taken from it is copied,
and checked against the mirror's `SHA256SUMS` where it has one.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.errors import UserError

MIRROR_VARIABLE = "DISTILLERY_MIRROR"
SUMS = "SHA256SUMS"
#: Seconds without an answer after which a download is given up.
PATIENCE = 30.0


class MissingFilesError(UserError):
    """Raw files that neither the data folder, nor the mirror, nor the network has."""


class RawFiles:
    """Gets the raw files of one dataset into the data folder, and says which one is to blame for an error."""

    def __init__(self, dataset: str, root: Path, mirror: Path | None = None) -> None:
        self.dataset = dataset
        self.root = root
        self.mirror = mirror
        #: Which file a count comes from ("edges", "nodes", ...), told by the loader.
        self.carriers: dict[str, Path] = {}
        self._copied: dict[Path, Path] = {}
        self._processed: list[Path] = []
        self._sums: dict[str, str] | None = None

    def obtain(self, folder: str, files: Sequence[str], download: Callable[[Path], object] | None = None) -> Path:
        """The path of `folder` (relative to the data folder, as in the mirror), with all `files` in it.

        `download(elsewhere)` is called for files that neither place holds; it must leave them in
        `elsewhere / folder`. What it raises is reported as a failed download.

        Raises:
            MissingFilesError: a file can be had nowhere.
            UserError: a file differs from the mirror's own checksum.
        """
        target = self.root / folder
        if target.name == "raw" and not (target.parent / "processed").exists():
            self._processed.append(target.parent / "processed")
        for file in files:
            self._copy_from_mirror(f"{folder}/{file}")
        missing = [file for file in files if not (target / file).is_file()]
        if missing and download is not None:
            reason = self._download(folder, missing, download)
        else:
            reason = "no download is known"
        still = [file for file in missing if not (target / file).is_file()]
        if still:
            more = f" and {len(still) - 3} more" if len(still) > 3 else ""
            names = ", ".join(still[:3])
            raise MissingFilesError(
                f"dataset {self.dataset!r}: missing {names}{more} in {folder}, and {reason}; set "
                f"{MIRROR_VARIABLE} to a folder that holds {folder}/{still[0]}, or put it into {self.root}"
            )
        return target

    def has(self, folder: str, files: Sequence[str]) -> bool:
        """Whether the data folder or the mirror holds all these files."""
        places = [self.root] if self.mirror is None else [self.root, self.mirror]
        return all(any((place / folder / file).is_file() for place in places) for file in files)

    def damaged(self, path: Path, why: str) -> UserError:
        """The one line for a file that cannot be right; names the mirror's file where it is a copy of one."""
        origin = self._copied.get(path, path)
        return UserError(f"dataset {self.dataset!r}: {origin} is damaged ({why}); replace it and run again")

    def at_fault(self, fault: DataFault) -> UserError:
        """`damaged`, of the file that what is wrong comes from."""
        noun = fault.noun
        while noun and noun not in self.carriers:
            noun = noun.rpartition(" ")[0]
        carrier = self.carriers.get(noun) or self.carriers.get("labels")
        if carrier is None:
            return UserError(f"dataset {self.dataset!r}: {fault}")
        return self.damaged(carrier, str(fault))

    def forget_copies(self) -> None:
        """Take back what was copied from the mirror, after one of the files proved bad."""
        for path in self._copied:
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove the pickles that PyG left beside the raw files; the converted dataset takes their place."""
        for path in self._processed:
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def blame(self, path: Path) -> Iterator[None]:
        """Whatever goes wrong inside was the fault of this file (or folder). PyG's chatter is swallowed."""
        try:
            with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
                warnings.simplefilter("ignore")
                yield
        except (UserError, MemoryError):
            raise
        except DataFault as fault:
            raise self.damaged(path, str(fault)) from None
        except Exception as error:
            raise self.damaged(path, _one_line(error)) from error

    def _copy_from_mirror(self, file: str) -> None:
        if self.mirror is None or not (self.mirror / file).is_file():
            return
        source, target = self.mirror / file, self.root / file
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            digest = hashlib.sha256()
            with os.fdopen(handle, "wb") as out, source.open("rb") as data:
                while block := data.read(1 << 20):
                    digest.update(block)
                    out.write(block)
            expected = self._expected_sums().get(file)
            if expected is not None and expected != digest.hexdigest():
                raise UserError(
                    f"dataset {self.dataset!r}: {source} differs from its checksum in {self.mirror / SUMS}; replace it"
                )
            os.replace(name, target)
        finally:
            Path(name).unlink(missing_ok=True)
        self._copied[target] = source

    def _expected_sums(self) -> dict[str, str]:
        if self._sums is None:
            self._sums = {}
            sums = self.mirror / SUMS if self.mirror is not None else None
            if sums is not None and sums.is_file():
                for line in sums.read_text(encoding="utf-8").splitlines():
                    digest, _, file = line.partition(" ")
                    self._sums[file.lstrip(" *").removeprefix("./")] = digest.lower()
        return self._sums

    def _download(self, folder: str, files: Sequence[str], download: Callable[[Path], object]) -> str:
        """Download aside and move into place; why it failed, in words."""
        elsewhere = Path(tempfile.mkdtemp(prefix=".download-", dir=self.root))
        reason = "the download did not bring them"
        patience = socket.getdefaulttimeout()
        try:
            try:
                socket.setdefaulttimeout(PATIENCE)
                download(elsewhere)
            except UserError:
                raise
            except Exception as error:
                reason = f"the download failed ({_one_line(error)})"
            for file in files:
                if (elsewhere / folder / file).is_file():
                    (self.root / folder).mkdir(parents=True, exist_ok=True)
                    os.replace(elsewhere / folder / file, self.root / folder / file)
        finally:
            socket.setdefaulttimeout(patience)
            shutil.rmtree(elsewhere, ignore_errors=True)
        return reason


def check_npz(raw: RawFiles, path: Path) -> None:
    """Every array of the archive reads back with its checksum, without unpickling any.

    Raises:
        UserError: one does not.
    """
    with raw.blame(path), zipfile.ZipFile(path) as archive:
        bad = archive.testzip()
        if bad is not None:
            raise raw.damaged(path, f"array {bad} fails its checksum")


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:150]}" if text else type(error).__name__
