"""What `pinn show RUN` prints: a run's numbers, its configuration and what its solution file holds."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from pinn.basis.pages import Page
from pinn.report.record import Record, read_record
from pinn.solution_file.dimensions import is_dimension_only
from pinn.solution_file.measured import Measure
from pinn.solution_file.reading import OF_COMMAND, PathLike, datasets, locate, opened, read_page
from pinn.solution_file.soundness import understood

HARD_LINKED = ("VTKHDF", "plot")
"""Groups that repeat what the others hold, for other programs."""

FIRST = ("status", "outcome", "wall_seconds", "seed", "dtype", "device", "constraints", "derivatives")
LAST = ("created", "pinn_version", "torch_version", "git_commit")


def describe(path: PathLike) -> str:
    """The summary of a run: its verdict and numbers, the equation, the configuration, and all that its file holds.

    The last part is like that of `ncdump -h`: dimensions, variables and attributes.

    Args:
        path: a solution file or its run's folder.

    Raises:
        UserError: it is not there or not a solution file.
    """
    record = read_record(path := locate(path))
    attributes = record.attributes
    with understood(path), opened(path) as file:
        parts = [
            [f"{path}  ({size_of(path)})", " ".join(str(attributes.get("title", "")).split())],
            [
                *accuracy_lines(record),
                *step_lines(record),
                *network_lines(record, file),
                *attribute_lines(attributes),
                *resume_lines(path, attributes),
                *page_lines(read_page(file)),
            ],
            ["equation", *indented(str(attributes["comment"]).splitlines())] if "comment" in attributes else [],
            ["configuration", *indented(record.configuration.splitlines())],
            ["dimensions", *indented(dimension_lines(file))],
            ["nodes", *indented(node_lines(file))],
            ["attributes", *indented(root_lines(attributes))],
        ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def accuracy_lines(record: Record) -> Iterator[str]:
    """Verdict, errors and residuals; what was identified, and what was asked of the solution beside its fields."""
    accuracy = record.accuracy
    for label, value, note in accuracy.rows():
        yield row(label, f"{value}  {note}".strip())
    if not accuracy.errors:
        yield row("error", "not known: the problem has neither an exact nor a reference solution")
    for name, value, note in record.unknowns:
        yield row(f"identified {name}", f"{value}  {note.removeprefix('identified').lstrip(', ')}".strip())
    for name, value, note in record.result_rows:
        yield row(name, f"{value}  {note}".strip())


def step_lines(record: Record) -> Iterator[str]:
    """How many steps there were, and which one's parameters were kept."""
    history, kept = record.history, record.kept
    if len(history.get("step", ())):
        where = "each window's best" if "window" in kept else f"those of step {kept.get('step', 0):.0f}"
        losses = {"loss": sum(Measure.LOSS.within(kept).values()), "held-out": kept.get(Measure.HELD_OUT.total)}
        told = [f"{name} {value:.3e}" for name, value in losses.items() if value]
        yield row("steps", ", ".join([str(history["step"][-1]), f"kept are {where}", *told]))


def attribute_lines(attributes: Mapping[str, Any]) -> Iterator[str]:
    """How the run went and what computed it, from the root attributes."""
    for name in (*FIRST, *LAST):
        if name in attributes:
            value = attributes[name]
            yield row(name.replace("_", " "), f"{value:.1f}" if name == "wall_seconds" else str(value))


def network_lines(record: Record, file: h5py.File) -> Iterator[str]:
    """The size of the network, and the shape of the Jacobian with its condition where that was computed."""
    yield row("network", f"{record.parameters:,} parameters in {len(record.sizes)} arrays")
    if "diagnosis/singular_values" in file:
        values = file["diagnosis/singular_values"][()]
        rows, columns = (file.attrs.get(f"jacobian_{name}", len(values)) for name in ("rows", "columns"))
        smallest = f"{values[-1]:.1e}" if len(values) else "none"
        yield row("Jacobian", f"{rows} x {columns}, singular values {values.max(initial=0.0):.1e} to {smallest}")


def resume_lines(path: Path, attributes: Mapping[str, Any]) -> Iterator[str]:
    """How an interrupted run goes on."""
    if attributes.get("status") == "interrupted" and (path.parent / OF_COMMAND).exists():
        yield row("goes on by", f"pinn resume {shlex.quote(str(path.parent))}")


def page_lines(page: Page | None) -> Iterator[str]:
    """The problem's own page, which is in the file, and whether it is still what is on the disk."""
    if page is not None:
        changed = f", since changed: {', '.join(page.changed)}" if page.changed else ""
        yield row("page", f"{page.path}  {', '.join(page.sources)} in the file, SHA-256 {page.digest[:8]}{changed}")


def dimension_lines(file: h5py.File) -> list[str]:
    """The dimensions of the nodes and of the training, with their lengths."""
    field = file[file.attrs["field_names"].split()[0]]
    lengths = {dimension_name(field, axis): size for axis, size in enumerate(field.shape)}
    for name in ("cells", "training/step"):
        if name in file:
            lengths |= {dimension_name(file[name], axis): size for axis, size in enumerate(file[name].shape)}
    return [f"{name} = {size}" for name, size in lengths.items()]


def root_lines(attributes: Mapping[str, Any]) -> list[str]:
    """The root attributes but those of several lines, which stand above."""
    told = {name: value for name, value in attributes.items() if name not in ("comment", "verdict")}
    return [f":{name} = {value!r}" for name, value in told.items()]


def node_lines(file: h5py.File) -> list[str]:
    """Each dataset with its type, dimensions, long name and unit: axes and fields first, links left out."""
    variables = {name: node for name, node in file.items() if isinstance(node, h5py.Dataset)}
    order = file.attrs["coordinate_names"].split() + file.attrs["field_names"].split()
    names = sorted(variables, key=lambda name: order.index(name) if name in order else len(order))
    lines = [node_line(f"/{name}", variables[name]) for name in names if not is_dimension_only(variables[name])]
    groups = [node for name, node in file.items() if name not in variables and name not in HARD_LINKED]
    lines += [node_line(node.name, node) for group in groups for node in datasets(group) if not is_dimension_only(node)]
    return lines + [f"links    /{name}/*" for name in HARD_LINKED if name in file]


def node_line(name: str, node: h5py.Dataset) -> str:
    """`float64  /u(t: 101, x: 257)  velocity (m/s)`."""
    kind = "text" if h5py.check_string_dtype(node.dtype) else str(node.dtype)
    axes = [f"{dimension_name(node, axis)}: {size}" for axis, size in enumerate(node.shape)]
    shape = f"({', '.join(axes)})" if axes else ""
    long_name, unit = str(node.attrs.get("long_name", "")), str(node.attrs.get("units", "1"))
    notes = [long_name] if long_name not in (name.split("/")[-1], node.attrs.get("metric")) else []
    notes += [f"({unit})"] if unit != "1" else []
    return f"{kind:<8} {name}{shape}  {' '.join(notes)}".rstrip()


def dimension_name(node: h5py.Dataset, axis: int) -> str:
    """The name of the dimension that an axis runs along."""
    scales = node.dims[axis]
    return str((scales[0] if len(scales) else node).name).split("/")[-1]


def indented(lines: Iterable[str]) -> list[str]:
    """The lines, two spaces in."""
    return [f"  {line}" for line in lines]


def row(label: str, value: str) -> str:
    """A line of the summary."""
    return f"  {label:<21} {value}"


def size_of(path: Path) -> str:
    """The file's size in kB or MB."""
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
