"""`report.html`: a run on one page that needs nothing else, no network and no other file."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from PIL import Image

from pinn.basis.disk import write_text
from pinn.basis.files import without_links
from pinn.report.drawing import FIGURES
from pinn.report.record import Record, read_record, record_of
from pinn.report.style import PANELS
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
    "points.png": "Points of each term and outward normals",
    "conditions.png": "What conditions and data leave, place by place",
    "training.png": "Training",
    "spectrum.png": "Singular values of the Jacobian",
}
"""The figures in a run's folder, in the order of the page."""

FOLDED = ("spectrum.png",)
"""Those that show on request."""

ENDED_EARLY = ("time", "stage_time", "steps", "interrupted")
"""The outcomes after which there may be more to gain."""

LETTERS = 0.6
"""CSS pixels for one of a figure, which has 200 in an inch."""

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


@dataclass(frozen=True)
class Picture:
    """A picture on a page: caption, `data:` address, and width and height (pixels).

    panels: where they are, as of `side_by_side`. folded: whether it shows on request.
    """

    caption: str
    address: str
    size: tuple[int, int]
    panels: list[list[float]]
    folded: bool = False

    @property
    def width(self) -> int:
        """At which it is shown at most (CSS pixels), so that its letters are about as large as the page's."""
        return round(self.size[0] * (LETTERS if self.address.startswith("data:image/png") else 1))


def pictures(folder: Path) -> list[Picture]:
    """The figures in a folder."""
    paths = {folder / name: caption for name, caption in CAPTIONS.items()}
    return [
        picture(path.read_bytes(), caption, KINDS[path.suffix], path.name in FOLDED)
        for path, caption in paths.items()
        if path.is_file() and not path.is_symlink()
    ]


def picture(content: bytes, caption: str, kind: str = "image/png", folded: bool = False) -> Picture:
    """The content of an image file as a picture; panels that are not told of as they should be are none."""
    size, told = (1, 1), "[]"
    with (
        contextlib.suppress(OSError, ValueError, Image.DecompressionBombError),
        Image.open(io.BytesIO(content)) as image,
    ):
        size, told = image.size, image.info.get(PANELS, "[]")  # of one that is damaged a browser says so
    try:
        panels = [[float(share) for share in panel] for panel in json.loads(told)]
        sound = all(0 <= left < right <= 1 and 0 <= top < bottom <= 1 for left, top, right, bottom in panels)
    except (ValueError, TypeError, RecursionError):
        panels, sound = [], True
    return Picture(caption, data_address(content, kind), size, panels if sound else [], folded)


def data_address(content: bytes, kind: str = "image/png") -> str:
    """A picture as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def run_page(record: Record, figures: Sequence[Picture], path: Path | None = None) -> str:
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
