"""`report.html`: a run on one page that needs nothing else, no network and no other file."""

from __future__ import annotations

import base64
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from pinn.basis.disk import write_text
from pinn.basis.files import without_links
from pinn.report.drawing import FIGURES
from pinn.report.record import Record, read_record, record_of
from pinn.report.typeset import statement
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import PathLike, locate, read
from pinn.solution_file.soundness import understood

FILE_NAME = "report.html"
CAPTIONS = {
    "solution.png": "Fields, reference, error and residual",
    "solution.gif": "The fields in the course of time",
    "results.png": "What is asked of the solution",
    "error_by_time.png": "Estimated error in the course of time",
    "conditions.png": "What conditions and data leave, place by place",
    "training.png": "Training",
    "spectrum.png": "Singular values of the Jacobian",
    "points.png": "Points of each term and outward normals",
}
"""The figures in a run's folder, in the order of the page."""

ENDED_EARLY = ("time", "stage_time", "steps", "interrupted")
"""The outcomes after which there may be more to gain."""

KINDS = {".png": "image/png", ".gif": "image/gif"}


def write_report(run: PathLike, target: PathLike | None = None) -> Path:
    """Write the page of a run, `report.html` in its folder or `target`; figures that are not there yet are drawn.

    Raises:
        UserError: the run cannot be read, or the page not be written.
    """
    path = locate(run)
    folder = without_links(path.parent / "figures", path.parent)
    with understood(path):
        if not (folder / "solution.png").exists():
            contents = read(path)
            for draw in FIGURES.values():
                draw(contents, folder, ".png")
        page = run_page(read_record(path), pictures(folder), path)
    return write_text(path.with_name(FILE_NAME) if target is None else Path(target), page)


def report(contents: Contents, target: PathLike) -> Path:
    """Write the page of a solution in memory; raises UserError where it cannot be written."""
    with tempfile.TemporaryDirectory() as name:
        for draw in FIGURES.values():
            draw(contents, Path(name), ".png")
        page = run_page(record_of(contents), pictures(Path(name)))
    return write_text(Path(target), page)


def pictures(folder: Path) -> dict[str, str]:
    """Caption -> `data:` address of the figures in a folder."""
    there = {caption: folder / name for name, caption in CAPTIONS.items()}
    own = {caption: path for caption, path in there.items() if path.is_file() and not path.is_symlink()}
    return {caption: data_address(path.read_bytes(), KINDS[path.suffix]) for caption, path in own.items()}


def data_address(content: bytes, kind: str = "image/png") -> str:
    """A picture as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def run_page(record: Record, figures: Mapping[str, str], path: Path | None = None) -> str:
    """The page of a run; path: of its solution file, None where it has none."""
    attributes = record.attributes
    title = str(attributes.get("comment") or attributes.get("title") or attributes["problem"])
    return (
        environment()
        .get_template("run.html")
        .render(
            record=record,
            attributes=attributes,
            statement=statement(title),
            accuracy=record.accuracy,
            figures=figures,
            timings=timings(record),
            path=path,
            commands=commands(record, path),
        )
    )


def environment(*packages: str) -> Environment:
    """The templates of these packages and of reports; a name that is not there is an error, text is escaped."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "pinn.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["short"] = short
    return made


def short(value: Any) -> str:
    """A number with three digits, in powers of ten where it is small or large."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.3g}" if value == 0 or 1e-2 <= abs(value) < 1e5 else f"{value:.2e}"


def timings(record: Record) -> dict[str, str]:
    """How long the run took, and for what."""
    steps, seconds = (record.history.get(name, np.zeros(0)) for name in ("step", "seconds"))
    told = {}
    if "wall_seconds" in record.attributes:
        told["whole run"] = f"{record.attributes['wall_seconds']:.1f} s"
    if len(seconds) and len(steps):
        told["training"] = f"{seconds[-1]:.1f} s"
        told["steps"] = f"{steps[-1]}, {short(float(seconds[-1]) / float(steps[-1]))} s each"
    return told


def commands(record: Record, path: Path | None) -> dict[str, str]:
    """What reproduces the run and what to do with it, by purpose."""
    lines = {}
    if record.overrides is not None:
        lines["Run it again"] = command(record.overrides)
    if path is not None:
        folder = os.path.relpath(path.parent)
        if record.attributes.get("status") in ENDED_EARLY and (path.parent / "checkpoint.h5").exists():
            limit = record.settings.get("training.time_limit")
            more = f" training.time_limit={2 * limit:g}" if limit else ""
            lines["Go on with it"] = f"pinn resume {shlex.quote(folder)}{more}"
        lines["Look at its numbers"] = f"pinn show {shlex.quote(folder)}"
        lines["Evaluate it in Python"] = f'solution = pinn.load("{folder}")'
    return lines


def command(overrides: Sequence[str]) -> str:
    """The command line with these words, as a shell wants it."""
    return " ".join(["pinn", *map(shlex.quote, overrides)])
