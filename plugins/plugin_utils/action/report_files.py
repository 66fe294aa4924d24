# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the views of a document into a folder of the controller, each as a whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..report.document import Document, Kind
from ..report.formats import FORMATS, file_name


def folder_of(directory: str) -> Path:
    """The folder that a user names, relative to the one in which Ansible was called.

    Raises:
        OSError: it begins with a ~ that is nobody's home.
    """
    try:
        return Path(directory).expanduser().absolute()
    except RuntimeError as error:
        raise OSError(str(error).rstrip(".")) from error


def write_reports(document: Document, directory: Path, formats: Iterable[str]) -> tuple[list[str], list[str]]:
    """The files that were written, and a sentence for each that could not be."""
    written: list[str] = []
    problems: list[str] = []
    for name in formats:
        path = directory / file_name(document.kind, name)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            _write(path, FORMATS[name](document))
            written.append(str(path))
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {getattr(error, 'strerror', None) or error}")
    return written, problems


def _write(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def earlier_document(directory: Path, kind: Kind) -> Any:
    """What an earlier run has left in the folder; None where there is nothing that can be read."""
    try:
        return json.loads((directory / file_name(kind, "json")).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
