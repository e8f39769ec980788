"""Checkpoints: a plain tree of tensors, numbers and strings in one HDF5 file, written whole or not at all."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from pinn.basis.errors import require
from pinn.solution_file.new import new_file
from pinn.solution_file.soundness import check_sound, understood

FILE_NAME = "checkpoint.h5"
FORMAT = 2
NO_COUNTS = ("settled", "eigenvalues", "wanted")  # of a position


def save_tree(path: Path, tree: dict[str, Any]) -> None:
    """Write a tree of dicts, lists, tensors, numbers, strings, booleans and None; raises UserError if it cannot be."""
    with new_file(path) as file:
        file.attrs["format"] = FORMAT
        _write(file, "tree", tree)


def load_tree(path: Path) -> dict[str, Any]:
    """Read what `save_tree` wrote, tensors on the CPU; raises UserError where it is missing, foreign or damaged."""
    require(path.is_file(), f"cannot read the checkpoint {path}: it is no file; was the run started with a folder?")
    check_sound(path)
    with understood(path), h5py.File(path, "r") as file:
        require(file.attrs.get("format") == FORMAT, f"{path} is not a checkpoint of this version of pinn")
        tree = _read(file["tree"])
        require(isinstance(tree, dict), "it holds no tree")
    return tree


def _write(parent: h5py.Group, name: str, value: Any) -> None:
    if isinstance(value, (dict, list, tuple)):
        group = parent.create_group(name, track_order=True)
        group.attrs["kind"] = "dict" if isinstance(value, dict) else "list"
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for number, (key, entry) in enumerate(items):
            _write(group, str(number), entry)
            group[str(number)].attrs["key"] = str(key)
            group[str(number)].attrs["integer_key"] = isinstance(key, int)
        return
    if isinstance(value, Tensor):
        node, kind = parent.create_dataset(name, data=value.detach().cpu().numpy()), "tensor"
    elif value is None:
        node, kind = parent.create_dataset(name, data=h5py.Empty("f8")), "none"
    elif isinstance(value, (bool, int, float, str)):
        node, kind = parent.create_dataset(name, data=value), type(value).__name__
    else:
        raise TypeError(f"a checkpoint holds tensors, numbers and strings, got {type(value).__name__} at {name}")
    node.attrs["kind"] = kind


def _read(node: h5py.Group | h5py.Dataset) -> Any:
    kind = node.attrs["kind"]
    if kind in ("dict", "list"):
        entries = [node[str(number)] for number in range(len(node))]
        values = [_read(entry) for entry in entries]
        if kind == "list":
            return values
        keys = [int(e.attrs["key"]) if e.attrs["integer_key"] else str(e.attrs["key"]) for e in entries]
        return dict(zip(keys, values, strict=True))
    if kind == "none":
        return None
    if kind == "tensor":
        return torch.from_numpy(np.array(node[()]))
    if kind == "str":
        return node.asstr()[()]
    return {"bool": bool, "int": int, "float": float}[kind](node[()])


def moved(tree: Any, like: Tensor) -> Any:
    """The tree with its tensors on the device of `like`; types as they are."""
    if isinstance(tree, Tensor):
        return tree.to(like.device)
    if isinstance(tree, dict):
        return {key: moved(value, like) for key, value in tree.items()}
    return [moved(value, like) for value in tree] if isinstance(tree, list) else tree


def check_whole(tree: Mapping[str, Any], coordinates: int, shape: torch.Size) -> None:
    """Raises UserError where numbers of a trainer's checkpoint are none that its run can have.

    coordinates: of the problem, how many. shape: of the parameters.
    """
    best, points = tree["best"], tree["points"]
    counts = [value for name, value in tree["position"].items() if name not in NO_COUNTS]
    require(all(0 <= value < math.inf for value in counts), f"the checkpoint stands at {tree['position']}")
    for label, entry in points.items():
        fits = entry["x"].ndim == 2 and entry["x"].shape[1] == coordinates
        require(fits, f"the checkpoint's points {label} have shape {tuple(entry['x'].shape)}")
    require(best["theta"].shape == shape, "the checkpoint's best parameters are of another network")
    tensors = {f"points {label}": entry["x"] for label, entry in points.items()}
    tensors |= {"parameters": tree["theta"], "best parameters": best["theta"]}
    for name, values in tensors.items():
        require(bool(values.isfinite().all()), f"the checkpoint's {name} are not finite")
    for block, weight in tree["weights"].items():
        require(0 <= weight < math.inf, f"the checkpoint's weight of {block} must be >= 0 and finite, got {weight}")
