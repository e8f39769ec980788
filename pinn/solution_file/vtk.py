"""The VTKHDF group, by which ParaView shows a solution file: links and virtual datasets, no copies.

An array over parameters is shown as one for each of their values: `u_nu_0.01`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import h5py
import numpy as np

from pinn.solution_file.contents import Contents
from pinn.solution_file.dimensions import dimension_only, scaled
from pinn.solution_file.nodes import Nodes

VERSION = (2, 2)
CELL_TYPES = {2: 3, 3: 5, 4: 10}
"""VTK's numbers of lines, triangles and tetrahedra by their corners."""

Selection = tuple[int | slice, ...]
Link = Callable[[h5py.Group, str, h5py.Dataset, Selection], None]


def write_vtk(file: h5py.File, contents: Contents) -> bool:
    """The group for ParaView, an image of a grid or an unstructured grid of a mesh; False for scattered nodes."""
    nodes = contents.nodes
    if nodes.cells is None and nodes.positions:
        return False
    group = file.create_group("VTKHDF")
    group.attrs["Version"] = np.array(VERSION, dtype=np.int64)
    if nodes.cells is None:
        write_image(group, nodes)
        write_point_data(file, contents, link_image)
    else:
        write_unstructured(file, group, nodes)
        write_point_data(file, contents, link_flat)
    if nodes.time and nodes.space:
        write_steps(group, nodes, file[nodes.time])
    return True


def write_image(group: h5py.Group, nodes: Nodes) -> None:
    """Extent, origin and spacing of a grid; time alone is shown along x."""
    axes = [nodes.dimensions[name] for name in reversed(nodes.shown)]  # x first
    flat = 3 - len(axes)
    extent = [bound for axis in axes for bound in (0, len(axis) - 1)] + [0, 0] * flat
    group.attrs["Type"] = np.bytes_("ImageData")  # the readers want fixed-length ASCII here
    group.attrs["WholeExtent"] = np.array(extent, dtype=np.int64)
    group.attrs["Origin"] = np.array([axis[0] for axis in axes] + [0.0] * flat)
    group.attrs["Spacing"] = np.array([(axis[-1] - axis[0]) / (len(axis) - 1) for axis in axes] + [1.0] * flat)
    group.attrs["Direction"] = np.eye(3).ravel()


def write_unstructured(file: h5py.File, group: h5py.Group, nodes: Nodes) -> None:
    """Nodes and cells of a mesh; the columns of `Points` are the positions, its third zero where there is none."""
    assert nodes.cells is not None
    count, corners = nodes.cells.shape
    k = len(nodes.dimensions["node"])
    group.attrs["Type"] = np.bytes_("UnstructuredGrid")
    points = h5py.VirtualLayout((k, 3), dtype=np.float64)
    for column, name in enumerate(nodes.positions):
        points[:, column] = h5py.VirtualSource(file[name])
    scaled(group.create_virtual_dataset("Points", points, fillvalue=0.0), group)
    connectivity = h5py.VirtualLayout((count * corners,), dtype=nodes.cells.dtype)
    connectivity[:] = h5py.VirtualSource(file["cells"])
    scaled(group.create_virtual_dataset("Connectivity", connectivity), group)
    columns = {
        "Offsets": np.arange(0, (count + 1) * corners, corners),
        "Types": np.full(count, CELL_TYPES[corners], dtype=np.uint8),
        "NumberOfPoints": np.array([k]),
        "NumberOfCells": np.array([count]),
        "NumberOfConnectivityIds": np.array([count * corners]),
    }
    for name, values in columns.items():
        scaled(group.create_dataset(name, data=values, compression="gzip", shuffle=True), group)


def write_point_data(file: h5py.File, contents: Contents, link: Link) -> None:
    """Fields, derivatives, references, errors and residuals, each by `link`."""
    data = file["VTKHDF"].create_group("PointData")
    for path in contents.on_nodes():
        if path.rpartition("/")[2] in contents.fewer and file[path].ndim < len(contents.nodes.dimensions):
            continue  # which is no image
        for suffix, selection in selections(contents.nodes):
            link(data, path.replace("/", "_", 1) + suffix, file[path], selection)


def selections(nodes: Nodes) -> Iterator[tuple[str, Selection]]:
    """For all values of the parameters a suffix such as `_nu_0.01` and what it selects of an array."""
    axes = [enumerate(nodes.dimensions[name]) for name in nodes.parameters]
    for chosen in itertools.product(*axes):
        index = {name: k for name, (k, _) in zip(nodes.parameters, chosen, strict=True)}
        values = zip(nodes.parameters, chosen, strict=True)
        suffix = "".join(f"_{name}_{value:.6g}" for name, (_, value) in values)
        yield suffix, tuple(index.get(name, slice(None)) for name in nodes.dimensions)


def link_image(data: h5py.Group, name: str, dataset: h5py.Dataset, selection: Selection) -> None:
    """A hard link to the array, or a view of its part."""
    if all(isinstance(part, slice) for part in selection):
        data[name] = dataset
        return
    kept = [axis for axis, part in enumerate(selection) if isinstance(part, slice)]
    layout = h5py.VirtualLayout(tuple(dataset.shape[axis] for axis in kept), dtype=dataset.dtype)
    layout[...] = h5py.VirtualSource(dataset)[selection]
    view = data.create_virtual_dataset(name, layout)
    for axis, own in zip(kept, view.dims, strict=True):
        own.attach_scale(dataset.dims[axis][0])


def link_flat(data: h5py.Group, name: str, dataset: h5py.Dataset, selection: Selection) -> None:
    """A view of the array as one column, time after time, as an unstructured grid wants it."""
    part = h5py.VirtualSource(dataset)[selection]
    layout = h5py.VirtualLayout((int(np.prod(part.shape)),), dtype=dataset.dtype)
    layout[:] = part
    scaled(data.create_virtual_dataset(name, layout), data.parent)


def write_steps(group: h5py.Group, nodes: Nodes, times: h5py.Dataset) -> None:
    """The time steps: of an image step i is slice i of each array, of a mesh its i-th column of nodes."""
    count = len(times)
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = count
    stride = 1 if nodes.cells is None else len(nodes.dimensions["node"])
    columns = {"Values": times[()]}  # no link: netCDF readers would take its name for the dimension's
    columns |= {f"PointDataOffsets/{name}": stride * np.arange(count) for name in group["PointData"]}
    if nodes.cells is not None:  # which is the same at all times
        columns |= {"PartOffsets": np.zeros(count, dtype=np.int64), "NumberOfParts": np.ones(count, dtype=np.int64)}
        columns |= {"PointOffsets": np.zeros(count, dtype=np.int64)}
        columns |= {name: np.zeros((count, 1), np.int64) for name in ("CellOffsets", "ConnectivityIdOffsets")}
    for name, values in columns.items():
        dataset = steps.create_dataset(name, data=values)
        dataset.dims[0].attach_scale(times)
        if values.ndim > 1:
            dataset.dims[1].attach_scale(dimension_only(group, "one", 1))
