"""The layout of a solution file: one HDF5 file that xarray, h5py, MATLAB, ParaView and NeXus viewers open.

Only arrays, text and numbers go in and out, nothing is pickled, and torch is not needed to read it.

    /t /y /x, /u ...                     axes (HDF5 dimension scales) and fields, ordered (t, z, y, x)
    /reference/u /error/u /residual/<term>   on the same nodes, where they exist
    /training/* /network/* /points/<term>    metrics a step, parameters, the last training points
    /network/window_0/* ...              parameters where time is cut into windows
    /config                              the resolved configuration, YAML
    /VTKHDF                              hard links to the above for ParaView; solution.vtkhdf points here
    /plot                                hard links to the above for NeXus viewers
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.errors import UserError, require
from pinn.solution_nodes import Nodes

FORMAT_VERSION = 1
FILE_NAME = "solution.h5"
CHUNK_BYTES = 2**22
"""Largest chunk (bytes, before compression) of a field; a time slice above it is split."""

DIMENSION_ONLY = "This is a netCDF dimension but not a netCDF variable.{:10d}"
"""The name by which the netCDF-4 format marks a dimension scale that holds no values."""

PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
GROUPS = ("reference", "error", "residual")
CF_AXES = {"x": "X", "y": "Y", "z": "Z"}


@dataclass
class Contents:
    """All that a solution file holds, as numpy arrays and plain data.

    `fields`, `reference`, `error` and `residual` have the shape of `nodes`; `history` has one value a step
    (k,); `points` has (n, d) for each term; `configuration` is YAML; `attributes` are the root attributes.
    """

    nodes: Nodes
    coordinates: tuple[str, ...]
    fields: dict[str, NDArray]
    reference: dict[str, NDArray] = field(default_factory=dict)
    error: dict[str, NDArray] = field(default_factory=dict)
    residual: dict[str, NDArray] = field(default_factory=dict)
    history: dict[str, NDArray] = field(default_factory=dict)
    parameters: dict[str, NDArray] = field(default_factory=dict)
    points: dict[str, NDArray] = field(default_factory=dict)
    configuration: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    long_names: dict[str, str] = field(default_factory=dict)


def write(path: Path, contents: Contents) -> None:
    """Write `contents` to `path` and, where ParaView can show them, the sidecar `.vtkhdf` next to it.

    Both are written under a temporary name and renamed, so that each is whole or absent.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    require(path.suffix != ".vtkhdf", f"{path}: .vtkhdf is kept for the sidecar; name the solution file .h5")
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        write_root(file, contents)
        for group in GROUPS:
            write_nodal(file, group, getattr(contents, group), contents)
        write_training(file, contents.history)
        write_points(file, contents)
        write_network(file, contents.parameters)
        file.create_dataset("config", data=contents.configuration, dtype=h5py.string_dtype())
        write_plot(file, contents)
        shown = write_image(file, contents)
    sidecar = path.with_suffix(".vtkhdf")
    if shown:
        with replacing(sidecar) as temporary, h5py.File(temporary, "w") as file:
            file["VTKHDF"] = h5py.ExternalLink(path.name, "/VTKHDF")
    else:
        sidecar.unlink(missing_ok=True)  # a former solution's sidecar would show what is no longer there


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the folder of `path`, renamed to `path` at the end and removed after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}; choose another folder or free the space") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_root(file: h5py.File, contents: Contents) -> None:
    """Root attributes, axes and fields."""
    fixed = {
        "Conventions": "CF-1.11",
        "format_version": FORMAT_VERSION,
        "coordinate_names": " ".join(contents.coordinates),
        "field_names": " ".join(contents.fields),
        "time_name": contents.nodes.time,
    }
    set_attributes(file, contents.attributes | fixed)
    for name, values in contents.nodes.dimensions.items():
        axis = file.create_dataset(name, data=values)
        axis.make_scale(name)
        set_attributes(axis, description(name, contents) | ({"axis": CF_AXES[name]} if name in CF_AXES else {}))
    for name, values in contents.nodes.positions.items():
        position = file.create_dataset(name, data=values, **PACKED)
        position.dims[0].attach_scale(file["node"])
        set_attributes(position, description(name, contents))
    write_nodal(file, "", contents.fields, contents)


def write_nodal(file: h5py.File, group: str, arrays: Mapping[str, NDArray], contents: Contents) -> None:
    """Arrays on the nodes, each with its dimensions attached, compressed, one chunk a time slice."""
    if group and arrays:
        file.create_group(group, track_order=True)  # the terms in the problem's order
    for name, values in arrays.items():
        dataset = file.create_dataset(f"{group}/{name}", data=values, chunks=chunks(values, contents.nodes), **PACKED)
        for index, dimension in enumerate(contents.nodes.dimensions):
            dataset.dims[index].attach_scale(file[dimension])
        attributes = description(name, contents)
        if group == "residual":
            attributes = {"long_name": f"residual of {name}"}  # its unit is the equation's, which is not stated
        elif group:
            attributes["long_name"] = f"{group} of {attributes['long_name']}"
        if contents.nodes.positions:
            attributes["coordinates"] = " ".join(contents.nodes.positions)
        set_attributes(dataset, attributes)


def write_training(file: h5py.File, history: Mapping[str, NDArray]) -> None:
    """The metrics, along `step`; `loss/walls` is stored as loss_walls, its name as `metric`."""
    group = file.create_group("training", track_order=True)
    for name in sorted(history, key=lambda name: name != "step"):
        values = np.asarray(history[name])
        kind = values.dtype.kind
        data = values.astype(np.int8) if kind == "b" else values.astype(object) if kind in "US" else values
        dtype = h5py.string_dtype() if kind in "USO" else None
        dataset = group.create_dataset(name.replace("/", "_"), data=data, dtype=dtype)
        if name == "step":
            dataset.make_scale("step")
        elif "step" in history:
            dataset.dims[0].attach_scale(group["step"])
        attributes = {"metric": name, "long_name": name}
        attributes |= {"units": "s"} if name == "seconds" else {}
        attributes |= {"dtype": "bool"} if kind == "b" else {}  # netCDF has no truth values; this is xarray's mark
        set_attributes(dataset, attributes)


def write_network(file: h5py.File, parameters: Mapping[str, NDArray]) -> None:
    """The parameters by name; they share a dimension where the same axis has the same length."""
    group = file.create_group("network", track_order=True)
    for name, values in parameters.items():
        folder = name.rpartition("/")[0]
        if folder and folder not in group:
            group.create_group(folder, track_order=True)
        dataset = group.create_dataset(name, data=values)
        for index, size in enumerate(values.shape):
            dataset.dims[index].attach_scale(dimension_only(group, f"axis_{index}_{size}", size))


def dimension_only(group: h5py.Group, name: str, size: int) -> h5py.Dataset:
    """A dimension without values, as netCDF-4 writes one; made where it is not there yet."""
    if name not in group:
        group.create_dataset(name, shape=size, dtype=">f4").make_scale(DIMENSION_ONLY.format(size))
    return group[name]


def write_points(file: h5py.File, contents: Contents) -> None:
    """The last training points of each term: (n, d), one column a coordinate."""
    group = file.create_group("points", track_order=True)
    group.create_dataset("coordinate", data=list(contents.coordinates), dtype=h5py.string_dtype())
    group["coordinate"].make_scale("coordinate")
    for term, points in contents.points.items():
        dataset = group.create_dataset(term, data=points)
        dataset.dims[0].attach_scale(dimension_only(group, f"{term}_point", len(points)))
        dataset.dims[1].attach_scale(group["coordinate"])


def write_plot(file: h5py.File, contents: Contents) -> None:
    """The default plot of NeXus viewers: the first field over the axes, as hard links."""
    signal, *others = contents.fields
    axes = list(contents.nodes.dimensions)
    set_attributes(file, {"NX_class": "NXroot", "default": "plot"})
    plot = file.create_group("plot")
    set_attributes(plot, {"NX_class": "NXdata", "signal": signal, "axes": axes, "auxiliary_signals": others})
    for name in (*axes, *contents.fields):
        plot[name] = file[name]


def write_image(file: h5py.File, contents: Contents) -> bool:
    """The VTKHDF group, hard links to the arrays on a grid; False where the nodes are no grid."""
    nodes = contents.nodes
    if nodes.positions:
        return False
    axes = [nodes.dimensions[name] for name in reversed(nodes.space or tuple(nodes.dimensions))]  # x first
    flat = 3 - len(axes)
    extent = [bound for axis in axes for bound in (0, len(axis) - 1)] + [0, 0] * flat
    image = file.create_group("VTKHDF")
    image.attrs["Version"] = np.array([2, 2], dtype=np.int64)
    image.attrs["Type"] = np.bytes_("ImageData")  # the readers want fixed-length ASCII here
    image.attrs["WholeExtent"] = np.array(extent, dtype=np.int64)
    image.attrs["Origin"] = np.array([axis[0] for axis in axes] + [0.0] * flat)
    image.attrs["Spacing"] = np.array([(axis[-1] - axis[0]) / (len(axis) - 1) for axis in axes] + [1.0] * flat)
    image.attrs["Direction"] = np.eye(3).ravel()
    data = image.create_group("PointData")
    for name in contents.fields:
        data[name] = file[name]
    for group in GROUPS:
        for name in getattr(contents, group):
            data[f"{group}_{name}"] = file[f"{group}/{name}"]
    if nodes.time and nodes.space:
        write_steps(image, file[nodes.time])
    return True


def write_steps(image: h5py.Group, times: h5py.Dataset) -> None:
    """The time steps of an image: step i is slice i of each array."""
    steps = image.create_group("Steps")
    steps.attrs["NSteps"] = len(times)
    columns = {"Values": times[()]}  # no link: netCDF readers would take its name for the dimension's
    columns |= {f"PointDataOffsets/{name}": np.arange(len(times)) for name in image["PointData"]}
    for name, values in columns.items():
        steps.create_dataset(name, data=values).dims[0].attach_scale(times)


def chunks(values: NDArray, nodes: Nodes) -> tuple[int, ...]:
    """One time slice; the leading axes of a slice above `CHUNK_BYTES` are halved until it is below."""
    shape = [
        1 if name == nodes.time and nodes.space else size
        for name, size in zip(nodes.dimensions, nodes.shape, strict=True)
    ]
    while np.prod(shape) * values.dtype.itemsize > CHUNK_BYTES:
        axis = next(index for index, size in enumerate(shape) if size > 1)
        shape[axis] = -(-shape[axis] // 2)
    return tuple(shape)


def description(name: str, contents: Contents) -> dict[str, str]:
    """CF's `long_name` and `units` of a coordinate or field; "1" (dimensionless) where no unit is stated."""
    return {"long_name": contents.long_names.get(name, name), "units": contents.units.get(name, "1")}


def set_attributes(target: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Attributes in the types of netCDF: text, numbers and lists of them; truth values are 0 and 1."""
    for name, value in attributes.items():
        if isinstance(value, (bool, np.bool_)):
            target.attrs[name] = np.int8(value)
        elif isinstance(value, (int, float, np.number)):
            target.attrs[name] = value
        elif isinstance(value, (list, tuple, np.ndarray)):
            if len(value):
                target.attrs[name] = list(value)
        elif value is not None:
            target.attrs[name] = str(value)


def locate(path: str | os.PathLike[str]) -> Path:
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
        hint = (
            "its run did not get as far as saving one" if (path / "metrics.jsonl").exists() else "is it a run's folder?"
        )
        raise UserError(f"no {FILE_NAME} in {path}: {hint}")
    return file


@contextlib.contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """A solution file open for reading.

    Raises:
        UserError: it is no HDF5 file, damaged, not written by pinn, or of a newer format.
    """
    require(h5py.is_hdf5(path), f"{path} is not an HDF5 file, so it is no solution of pinn")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path} cannot be opened, it is damaged or cut short: {error}") from error
    with file:
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
        try:
            return read_contents(file)
        except (KeyError, OSError) as error:
            raise UserError(f"{path} is damaged: {error}") from error


def read_contents(file: h5py.File) -> Contents:
    """The contents of an open solution file."""
    attributes = {name: plain(value) for name, value in file.attrs.items()}
    coordinates = tuple(attributes["coordinate_names"].split())
    names = attributes["field_names"].split()
    dimensions = [dimension[0].name.split("/")[-1] for dimension in file[names[0]].dims]
    positions = {name: file[name][()] for name in coordinates if name not in dimensions}
    nodes = Nodes({name: file[name][()] for name in dimensions}, positions, attributes.get("time_name"))
    described = (*coordinates, *names)
    groups = {group: read_arrays(file[group]) for group in GROUPS if group in file}
    return Contents(
        nodes,
        coordinates,
        fields={name: file[name][()] for name in names},
        **groups,
        history={str(column.attrs["metric"]): read_column(column) for column in file["training"].values()},
        parameters=read_arrays(file["network"]),
        points=read_arrays(file["points"]),
        configuration=file["config"].asstr()[()],
        attributes=attributes,
        units={name: str(file[name].attrs["units"]) for name in described},
        long_names={name: str(file[name].attrs["long_name"]) for name in described},
    )


def read_arrays(group: h5py.Group) -> dict[str, NDArray]:
    """The datasets of a group and of the groups in it by name, without its dimension scales."""
    found: dict[str, NDArray] = {}
    for name, node in group.items():
        if isinstance(node, h5py.Group):
            found |= {f"{name}/{inner}": values for inner, values in read_arrays(node).items()}
        elif not node.is_scale:
            found[name] = node[()]
    return found


def read_column(column: h5py.Dataset) -> NDArray:
    """One metric (k,), text and truth values as such."""
    if h5py.check_string_dtype(column.dtype):
        return column.asstr()[()].astype(str)
    return column[()].astype(bool) if column.attrs.get("dtype") == "bool" else column[()]


def plain(value: Any) -> Any:
    """An attribute's value as a Python object."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
