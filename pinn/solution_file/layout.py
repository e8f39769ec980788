"""The layout of a solution file: one HDF5 file that xarray, h5py, MATLAB, ParaView and NeXus viewers open.

Only arrays, text and numbers go in and out, nothing is pickled, and torch is not needed to read it.

    /t /y /x, /u ...                     axes (HDF5 dimension scales) and fields, ordered (t, parameters, z, y, x); a
                                         field of fewer coordinates has only theirs
    /node /x /y, /u ...                  where space is no grid: fields are ordered (t, parameters, node)
    /mesh /cells                         the simplices of a mesh, by the UGRID conventions
    /inside                              1 where a node of a grid lies in a domain that moves; fields are NaN elsewhere
    /beyond                              how far it lies beyond that domain's border, negative inside
    /u_x ...                             derivatives that were asked for
    /reference/u /error/u /estimate/u /residual/<term>   on the same nodes, where they exist; estimate: of the error
    /band/u                              two standard errors by the noise of data: u lies within u +- that
    /unknowns/nu                         what was identified; attributes value, standard_error, lower, upper (95 %),
                                         and by samples sampled_lower, sampled_upper
    /results/drag/values                 what is asked beside the fields, of a curve at /results/drag/places; attributes
                                         value, estimated_error, true_value, units
    /training/* /network/* /points/<term>    metrics a step, parameters, the last training points
    /network/window_0/* ...              parameters where time is cut into windows
    /diagnosis/singular_values           of the residual's Jacobian where the run ended, if it was computed
    /diagnosis/estimate_time ...         middles of parts of time, estimate_by_time_u: the field's relative error there
    /diagnosis/samples_nu                samples of what was identified, if they were asked for
    /diagnosis/conditions/walls/values   what a condition misses at places /x ...; of data over their noise
    /diagnosis/observed/u/values         what was observed of u at places /x ...
    /config                              the resolved configuration, YAML
    /page/heat.py ...                    the source of the problem's module, and of those beside it that it imports;
                                         attributes module, path (then), sha256 (of all)
    /VTKHDF                              links to the above for ParaView; solution.vtkhdf points here
    /plot                                hard links to the above for NeXus viewers
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pinn.basis.errors import UserError, require
from pinn.basis.logs import logger
from pinn.basis.pages import Page
from pinn.solution_file.contents import FORMAT_VERSION, GROUPS, Contents
from pinn.solution_file.dimensions import dimension_only, scaled, set_attributes
from pinn.solution_file.identified import unknown_attributes
from pinn.solution_file.new import new_file
from pinn.solution_file.nodes import Block
from pinn.solution_file.results import write_results
from pinn.solution_file.vtk import write_vtk

CHUNK_BYTES = 2**20
"""Largest chunk (bytes, before compression) of a field; a time slice above it is split."""

PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
CF_AXES = {"x": "X", "y": "Y", "z": "Z"}


class Arrays:
    """The arrays on the nodes of a solution file that is being written, created one by one."""

    def __init__(self, file: h5py.File, contents: Contents) -> None:
        self.file = file
        self.contents = contents

    def create(self, group: str, name: str, dtype: np.dtype) -> h5py.Dataset | Flattened:
        """An array of the nodes' shape, to be filled; group: one of the names of `Contents`."""
        folder = group if group in GROUPS else ""
        if folder and folder not in self.file:
            self.file.create_group(folder, track_order=True)  # the terms in the problem's order
        dimensions = self.contents.dimensions_of(group, name)
        dataset = create_nodal(self.file, f"{folder}/{name}", dtype, self.contents, dimensions)
        getattr(self.contents, group)[name] = dataset
        set_attributes(dataset, nodal_attributes(group, name, self.contents))
        whole = tuple(self.contents.nodes.dimensions)
        return dataset if dimensions == whole else Flattened(dataset, whole, dimensions)


class Flattened:
    """An array of fewer dimensions that is filled and read as if it had all: along the others it is constant."""

    def __init__(self, dataset: h5py.Dataset, whole: tuple[str, ...], own: tuple[str, ...]) -> None:
        self.dataset = dataset
        self.kept = tuple(name in own for name in whole)

    def _own(self, block: Block) -> Block:
        return tuple(part for part, kept in zip(block, self.kept, strict=True) if kept)

    def __setitem__(self, block: Block, values: NDArray) -> None:
        """What is not a number is no value: a domain that moves is elsewhere there."""
        dropped = tuple(axis for axis, kept in enumerate(self.kept) if not kept)
        found, own = np.fmax.reduce(values, axis=dropped), self._own(block)
        self.dataset[own] = np.where(np.isnan(found), self.dataset[own], found)

    def __getitem__(self, block: Block) -> NDArray:
        values = self.dataset[self._own(block)]
        lengths = [part.stop - part.start for part in block]
        shape = [n if kept else 1 for n, kept in zip(lengths, self.kept, strict=True)]
        return np.broadcast_to(values.reshape(shape), lengths)


@contextlib.contextmanager
def writing(path: Path, contents: Contents) -> Iterator[Arrays]:
    """Write `contents` but its arrays on the nodes to `path`; the body of the `with` creates and fills these.

    Where ParaView can show them, the sidecar `.vtkhdf` is written next to it. Both are written under a temporary name
    and renamed, so that each is whole or absent. The root attributes are those of `contents` at the body's end.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    require(path.suffix != ".vtkhdf", f"{path}: .vtkhdf is kept for the sidecar; name the solution file .h5")
    with new_file(path) as file:
        write_axes(file, contents)
        yield Arrays(file, contents)
        write_root(file, contents)
        write_training(file, contents.history)
        write_points(file, contents)
        write_network(file, contents.parameters)
        write_diagnosis(file, contents.diagnosis)
        write_unknowns(file, contents)
        write_modes(file, contents)
        write_results(file, contents.results)
        file.create_dataset("config", data=contents.configuration, dtype=h5py.string_dtype())
        write_page(file, contents.page)
        write_plot(file, contents)
        shown = write_vtk(file, contents)
    sidecar = path.with_suffix(".vtkhdf")
    try:
        if shown:
            with new_file(sidecar) as file:
                file["VTKHDF"] = h5py.ExternalLink(path.name, "/VTKHDF")
        else:
            sidecar.unlink(missing_ok=True)  # a former solution's sidecar would show what is no longer there
    except UserError as error:  # the solution itself is there
        logger.warning("%s; ParaView needs that file", error)


def write_root(file: h5py.File, contents: Contents) -> None:
    """Root attributes; of a solution that was loaded the format is its file's, as its windows are."""
    fixed = {
        "Conventions": "CF-1.11" if contents.nodes.cells is None else "CF-1.11 UGRID-1.0",
        "format_version": contents.attributes.get("format_version", FORMAT_VERSION),
        "coordinate_names": " ".join(contents.coordinates),
        "field_names": " ".join(contents.fields),
        "derivative_names": " ".join(contents.derivatives),
        "time_name": contents.nodes.time,
        "parameter_names": " ".join(contents.nodes.parameters),
    }
    set_attributes(file, contents.attributes | {name: value or None for name, value in fixed.items()})


def write_axes(file: h5py.File, contents: Contents) -> None:
    """The dimensions with their values, the positions of scattered nodes and a mesh's cells."""
    nodes = contents.nodes
    for name, values in nodes.dimensions.items():
        axis = file.create_dataset(name, data=values)
        axis.make_scale(name)
        set_attributes(axis, contents.description(name) | ({"axis": CF_AXES[name]} if name in CF_AXES else {}))
    for name, values in nodes.positions.items():
        position = file.create_dataset(name, data=values, **PACKED)
        position.dims[0].attach_scale(file["node"])
        set_attributes(position, contents.description(name))
    if nodes.inside is not None:
        inside = create_nodal(file, "inside", np.dtype(np.int8), contents)
        inside[...] = nodes.inside
        set_attributes(inside, {"long_name": "whether the node lies in the domain, which moves"})
    if nodes.beyond is not None:
        beyond = create_nodal(file, "beyond", np.dtype(np.float32), contents)
        beyond[...] = nodes.beyond
        set_attributes(beyond, {"long_name": "distance to the border of the domain, negative inside"})
    if nodes.cells is not None:
        write_cells(file, nodes.cells, tuple(nodes.positions))


def write_cells(file: h5py.File, cells: NDArray[np.int64], coordinates: tuple[str, ...]) -> None:
    """The simplices of a mesh, (cell, corner) by the numbers of their nodes, and what UGRID wants to know of them."""
    dataset = file.create_dataset("cells", data=cells, **PACKED)
    for axis, name in enumerate(("cell", "corner")):
        dataset.dims[axis].attach_scale(dimension_only(file, name, cells.shape[axis]))
    set_attributes(dataset, {"long_name": "nodes of each cell", "start_index": 0})
    dimension = cells.shape[1] - 1
    part = {1: "edge", 2: "face", 3: "volume"}[dimension]
    topology = {
        "cf_role": "mesh_topology",
        "topology_dimension": dimension,
        "node_coordinates": " ".join(coordinates),
        f"{part}_node_connectivity": "cells",
    }
    set_attributes(file.create_dataset("mesh", data=np.int32(0)), topology)


def create_nodal(
    file: h5py.File, name: str, dtype: np.dtype, contents: Contents, dimensions: tuple[str, ...] | None = None
) -> h5py.Dataset:
    """An array on the nodes with its dimensions attached, compressed, one chunk a slice in time and parameters.

    dimensions: of the nodes', those that it has; None for all.
    """
    nodes = contents.nodes
    own = tuple(nodes.dimensions) if dimensions is None else dimensions
    whole = own == tuple(nodes.dimensions)
    chunk = nodes.chunk(CHUNK_BYTES // np.dtype(dtype).itemsize) if whole else True
    shape = tuple(len(nodes.dimensions[dimension]) for dimension in own)
    dataset = file.create_dataset(name, shape, dtype, chunks=chunk, fillvalue=None if whole else np.nan, **PACKED)
    for index, dimension in enumerate(own):
        dataset.dims[index].attach_scale(file[dimension])
    if nodes.positions and "node" in own:
        dataset.attrs["coordinates"] = " ".join(nodes.positions)
    if nodes.cells is not None and "node" in own:
        set_attributes(dataset, {"mesh": "mesh", "location": "node"})
    return dataset


def nodal_attributes(group: str, name: str, contents: Contents) -> dict[str, str]:
    """Long name and unit; a residual or derivative has a unit only where one is stated for its name."""
    if group == "residual":
        return {"long_name": f"residual of {name}"}
    attributes = contents.description(name)
    if group == "derivatives":
        return attributes if name in contents.units else {"long_name": attributes["long_name"]}
    own = {"fields": "", "estimate": "estimated error of ", "band": "two standard errors of "}
    prefix = own.get(group, f"{group} of ")
    return attributes | {"long_name": prefix + attributes["long_name"]}


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
        scaled(group.create_dataset(name, data=values), group, "axis")


def write_diagnosis(file: h5py.File, columns: Mapping[str, NDArray]) -> None:
    """Columns of numbers that were measured where the run ended; no group where there are none."""
    for name, values in columns.items():
        dataset = file.create_dataset(f"diagnosis/{name}", data=values)
        dataset.dims[0].attach_scale(dimension_only(file["diagnosis"], f"{name}_number", len(values)))
        set_attributes(dataset, {"long_name": name.replace("_", " ")})


def write_unknowns(file: h5py.File, contents: Contents) -> None:
    """What was identified, a number each, with its errors as attributes; no group where nothing was."""
    for name, told in unknown_attributes(contents.attributes).items():
        dataset = file.create_dataset(f"unknowns/{name}", data=told["value"])
        set_attributes(dataset, {**contents.description(name), **told})


def write_modes(file: h5py.File, contents: Contents) -> None:
    """Eigenvalues and eigenfunctions along a dimension `mode`, numbered from one; no group where there is one alone."""
    for name, values in contents.modes.items():
        group = file.require_group("modes")
        if "mode" not in group:
            group["mode"] = np.arange(1, len(values) + 1)
            group["mode"].make_scale("mode")
        dataset = group.create_dataset(name, data=values, **PACKED)
        for index, dimension in enumerate((group["mode"], *(file[own] for own in contents.nodes.dimensions))):
            if index < values.ndim:
                dataset.dims[index].attach_scale(dimension)
        set_attributes(dataset, contents.description(name))


def write_points(file: h5py.File, contents: Contents) -> None:
    """The last training points of each term: (n, d), one column a coordinate."""
    group = file.create_group("points", track_order=True)
    group.create_dataset("coordinate", data=list(contents.coordinates), dtype=h5py.string_dtype())
    group["coordinate"].make_scale("coordinate")
    for term, points in contents.points.items():
        dataset = group.create_dataset(term, data=points)
        dataset.dims[0].attach_scale(dimension_only(group, f"{term}_point", len(points)))
        dataset.dims[1].attach_scale(group["coordinate"])


def write_page(file: h5py.File, page: Page | None) -> None:
    """The source of the problem's module; no group where it comes with pinn or has no file."""
    if page is None:
        return
    group = file.create_group("page")
    set_attributes(group, {"module": page.module, "path": page.path, "sha256": page.digest})
    for name, text in page.sources.items():
        group.create_dataset(name, data=text, dtype=h5py.string_dtype())


def write_plot(file: h5py.File, contents: Contents) -> None:
    """The default plot of NeXus viewers: the first field over the axes, as hard links."""
    whole = tuple(contents.nodes.dimensions)
    signal, *others = (name for name in contents.fields if contents.dimensions_of("fields", name) == whole)
    axes = list(contents.nodes.dimensions)
    set_attributes(file, {"NX_class": "NXroot", "default": "plot"})
    plot = file.create_group("plot")
    set_attributes(plot, {"NX_class": "NXdata", "signal": signal, "axes": axes, "auxiliary_signals": others})
    for name in (*axes, signal, *others):
        plot[name] = file[name]
