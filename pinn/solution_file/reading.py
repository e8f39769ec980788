"""Reading a solution file; torch is not needed."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.basis.files import require_regular
from pinn.basis.pages import Page
from pinn.solution_file.contents import FILE_NAME, FORMAT_VERSION, GROUPS, Contents
from pinn.solution_file.nodes import Nodes
from pinn.solution_file.results import read_results
from pinn.solution_file.soundness import check_sound, understood

METRICS, OF_COMMAND = "metrics.jsonl", ".hydra/config.yaml"  # in the folder of any run, and of a command's
PathLike = str | os.PathLike[str]


def locate(path: PathLike) -> Path:
    """The solution file that `path` means: itself, or `solution.h5` in a run's folder.

    Raises:
        UserError: there is none.
    """
    path = Path(path)
    if path.suffix == ".vtkhdf":
        path = path.with_suffix(".h5")
    if not path.is_dir():
        require(path.exists(), f"no such file or folder: {path}")
        return path
    file = path / FILE_NAME
    if not file.exists():
        hint = "its run did not get as far as saving one" if (path / METRICS).exists() else "is it a run's folder?"
        go_on = f"; go on with it by: pinn resume {shlex.quote(str(path))}" if (path / OF_COMMAND).exists() else ""
        raise UserError(f"no {FILE_NAME} in {path}: {hint}{go_on}")
    return file


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """A solution file open for reading.

    Raises:
        UserError: it is no HDF5 file, damaged, not written by pinn, or of a newer format.
    """
    require_regular(path)
    require(h5py.is_hdf5(path), f"{path} is not an HDF5 file, so it is no solution of pinn")
    check_sound(path)
    with understood(path), h5py.File(path, "r") as file:
        version = file.attrs.get("format_version")
        if version is None or "pinn_version" not in file.attrs:
            raise UserError(f"{path} is an HDF5 file but no solution of pinn: it has no format_version")
        if version > FORMAT_VERSION:
            newer = file.attrs["pinn_version"]
            raise UserError(
                f"{path} has format {version}, written by pinn {newer}, and this pinn reads up to format "
                f"{FORMAT_VERSION}: upgrade it"
            )
        yield file


def read(path: Path) -> Contents:
    """All that a solution file holds.

    Raises:
        UserError: as `opened`, or a part is missing.
    """
    with opened(path) as file:
        return read_contents(file)


def read_contents(file: h5py.File) -> Contents:
    """The contents of an open solution file."""
    attributes = read_attributes(file)
    coordinates = tuple(attributes["coordinate_names"].split())
    names = attributes["field_names"].split()
    derivatives = attributes.get("derivative_names", "").split()
    described = [name for name in (*coordinates, *names, *derivatives) if "units" in file[name].attrs]
    require(bool(coordinates and names), "it names no coordinates or no fields")
    nodes = read_nodes(file, coordinates, max(names, key=lambda name: file[name].ndim))
    own = {name: _dimensions(file[name]) for name in names}
    fewer = {name: dimensions for name, dimensions in own.items() if dimensions != tuple(nodes.dimensions)}
    for node in (*(file[name] for name in (*names, *derivatives)), *_nodal(file)):
        sizes = [nodes.dimensions[name].size for name in fewer.get(node.name.rpartition("/")[2], nodes.dimensions)]
        short = node.name.rpartition("/")[2] in fewer and node.shape == tuple(sizes)
        require(short or node.shape == nodes.shape, f"{node.name} has shape {node.shape}, the nodes {nodes.shape}")
    groups = {
        group: {name: _whole(values, name, nodes, fewer) for name, values in read_arrays(file[group]).items()}
        for group in GROUPS
        if group in file
    }
    return Contents(
        nodes,
        coordinates,
        fields={name: _whole(file[name][()], name, nodes, fewer) for name in names},
        derivatives={name: file[name][()] for name in derivatives},
        **groups,
        history=read_history(file),
        parameters=read_arrays(file["network"]),
        points=read_arrays(file["points"]),
        diagnosis=read_arrays(file["diagnosis"]) if "diagnosis" in file else {},
        modes=read_modes(file, nodes),
        results=read_results(file),
        configuration=file["config"].asstr()[()],
        attributes=attributes,
        units={name: str(file[name].attrs["units"]) for name in described},
        long_names={name: str(file[name].attrs["long_name"]) for name in described},
        fewer=fewer,
        page=read_page(file),
    )


def read_page(file: h5py.File) -> Page | None:
    """The source of the problem's module as plain text; raises UserError where it is not what was written."""
    if "page" not in file:
        return None
    group = file["page"]
    sources = {node.name.removeprefix("/page/"): str(node.asstr()[()]) for node in datasets(group)}
    page = Page(str(group.attrs["module"]), str(group.attrs["path"]), sources, Path(file.filename).parent)
    require(page.digest == group.attrs["sha256"], "its /page is not what was written: the SHA-256 differs")
    return page


def read_modes(file: h5py.File, nodes: Nodes) -> dict[str, NDArray]:
    """Eigenvalues (k,) and eigenfunctions (k, *nodes) by name; empty where there are none."""
    modes = read_arrays(file["modes"]) if "modes" in file else {}
    for name, values in modes.items():
        fits = values.ndim >= 1 and values.shape[1:] in ((), nodes.shape)
        require(fits, f"/modes/{name} has shape {values.shape}, the nodes {nodes.shape}")
    return modes


def read_nodes(file: h5py.File, coordinates: Sequence[str], field: str) -> Nodes:
    """The nodes on which the field is."""
    dimensions = _dimensions(file[field])
    sizes = tuple(file[name].size for name in dimensions)
    require(all(file[name].ndim == 1 for name in (*dimensions, *coordinates)), "an axis is no column of values")
    require(sizes == file[field].shape, f"{field} has shape {file[field].shape}, its axes {sizes}")
    nodes = Nodes(
        {name: file[name][()] for name in dimensions},
        {name: file[name][()] for name in coordinates if name not in dimensions},
        plain(file.attrs.get("time_name")),
        tuple(str(file.attrs.get("parameter_names", "")).split()),
        file["cells"][()] if "cells" in file else None,
        file["inside"][()].astype(bool) if "inside" in file else None,
        file["beyond"][()].astype(np.float32) if "inside" in file and "beyond" in file else None,
    )
    for name, values in (("inside", nodes.inside), ("beyond", nodes.beyond)):
        require(values is None or values.shape == nodes.shape, f"/{name} has another shape than the nodes")
    for name, values in nodes.axes.items():
        require(bool(np.isfinite(values).all()), f"the values of the axis {name} are not finite")
    if nodes.cells is not None:
        count, cells = len(nodes.dimensions["node"]), nodes.cells
        fits = cells.ndim == 2 and 2 <= cells.shape[1] <= 4 and 0 <= cells.min() <= cells.max() < count
        require(bool(fits), f"/cells are no simplices of the {count} nodes")
    return nodes


def _dimensions(dataset: h5py.Dataset) -> tuple[str, ...]:
    """The names of the dimensions of an array on the nodes."""
    return tuple(dimension[0].name.split("/")[-1] for dimension in dataset.dims)


def _whole(values: NDArray, name: str, nodes: Nodes, fewer: Mapping[str, tuple[str, ...]]) -> NDArray:
    """An array on all nodes, also of a field that is constant along some dimensions."""
    if values.shape == nodes.shape or name not in fewer:
        return values
    shape = [len(own) if dimension in fewer[name] else 1 for dimension, own in nodes.dimensions.items()]
    return np.broadcast_to(values.reshape(shape), nodes.shape).copy()


def _nodal(file: h5py.File) -> Iterator[h5py.Dataset]:
    """The datasets of the groups whose arrays are on the nodes."""
    for name in GROUPS:
        yield from datasets(file[name]) if name in file else ()


def datasets(group: h5py.Group) -> Iterator[h5py.Dataset]:
    """The datasets in a group and in the groups in it."""
    for node in group.values():
        if isinstance(node, h5py.Group):
            yield from datasets(node)
        else:
            yield node


def read_arrays(group: h5py.Group) -> dict[str, NDArray]:
    """The datasets of a group and of the groups in it by name, without its dimension scales."""
    return {node.name.removeprefix(f"{group.name}/"): node[()] for node in datasets(group) if not node.is_scale}


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """The root attributes as Python objects."""
    return {name: plain(value) for name, value in file.attrs.items()}


def read_history(file: h5py.File) -> dict[str, NDArray]:
    """The training's metrics (k,) by name, in the file's order."""
    history = {str(column.attrs["metric"]): read_column(column) for column in file["training"].values()}
    lengths = {values.shape for values in history.values()}
    require(len(lengths) <= 1, f"the metrics have different shapes: {', '.join(map(str, sorted(lengths)))}")
    return history


def read_column(column: h5py.Dataset) -> NDArray:
    """One metric (k,), text and truth values as such."""
    if h5py.check_string_dtype(column.dtype):
        return column.asstr()[()].astype(str)
    return column[()].astype(bool) if column.attrs.get("dtype") == "bool" else column[()]


def plain(value: Any) -> Any:
    """An attribute's value as a Python object."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
