"""HDF5 files that may come from strangers, looked at before they are read.

Our files hold their data themselves, and no more of it than fits them. What a stranger's or a damaged one may do to the
HDF5 library (turn in circles, ask for all memory, crash) it does in another process, which has little time.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pinn.basis.errors import UserError, require
from pinn.basis.files import require_regular
from pinn.basis.seals import is_sealed

UNVISITED = ("VTKHDF", "plot")
"""Groups of a solution file that repeat the others for programs that are not ours: never read."""

LEAST, GROWTH = 2**28, 100
"""Bytes that any file may hold when read, and how many times its own size."""

PACKING = 1032  # of deflate at best: zlib's own manual
OBJECTS, DEPTH = 10**5, 16
READ = 2**24  # bytes of a dataset up to which it is read to see whether it can be; of others their chunks are counted
SECONDS, BYTES_A_SECOND = 2, 2**26  # of processor time to look at a file, and for its size
TIMED_OUT = (-getattr(signal, "SIGXCPU", 24), -getattr(signal, "SIGKILL", 9))  # at the soft limit, at the hard one
MEMORY = 2**28  # bytes more than there were before


def check_sound(path: Path) -> None:
    """Raise UserError where a file is no HDF5, leads outside itself, holds more than fits it, or stops the library.

    One that a run of this user has sealed is as it was written.
    """
    require_regular(path)
    if is_sealed(path.parent, path.name):
        return
    found = os.stat(path)
    told = _complaint(path, found.st_ino, found.st_size, found.st_mtime_ns)
    require(not told, f"{path} {told}")


@functools.lru_cache(maxsize=64)
def _complaint(path: Path, inode: int, size: int, changed: int) -> str:
    """What is wrong with a file as it is now; empty where nothing is."""
    if not hasattr(os, "fork"):
        return _looked_at(path)
    listening, telling = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, none of which the child needs
        child = os.fork()
    if child == 0:
        _look(path, size, telling)
    os.close(telling)
    try:
        with open(listening, encoding="utf-8", errors="replace") as told:
            text = told.read()
    finally:
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    how = "takes for ever" if code in TIMED_OUT else f"crashes the HDF5 library ({code})"
    return text if code == 0 else f"is damaged: reading it {how}"


def _look(path: Path, size: int, telling: int) -> None:
    """In the child: look, tell and end, whatever happens."""
    code = 1
    try:
        import resource

        gc.disable()  # what is not ours to end stays as it is
        faulthandler.disable()  # a crash here is told in a line
        seconds = SECONDS + size // BYTES_A_SECOND
        for limit, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, _address_space() + MEMORY)):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.write(telling, _looked_at(path).encode()[:4096])
        code = 0
    finally:
        os._exit(code)


def _address_space() -> int:
    """Bytes of this process's address space; where that is not told, more than any has."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 2**40


def _looked_at(path: Path) -> str:
    """What is wrong with a file, where the library can tell."""
    try:
        with h5py.File(path, "r") as file:
            look_at(file)
    except UserError as error:
        return str(error)
    except Exception as error:  # whatever a library makes of damaged bytes
        return f"cannot be opened, it is damaged or cut short: {' '.join(str(error).split())}"
    return ""


def look_at(file: h5py.File) -> None:
    """Read all attributes and what is small, and check each part; raises UserError, h5py's errors where damaged."""
    size = os.path.getsize(file.filename)
    total = 0
    for count, node in enumerate(_nodes(file, file.name, 0, set())):
        require(count < OBJECTS, f"holds more than {OBJECTS:,} objects")
        for name in node.attrs:
            _ = node.attrs[name]
        if isinstance(node, h5py.Dataset) and node.shape is not None:  # else it holds no values
            _check_dataset(node)
            total += node.nbytes
            most = LEAST + GROWTH * size
            require(total <= most, f"would take {total:,} bytes in memory, at most {most:,} fit {size:,} in a file")
            _touch(node)


def _nodes(group: h5py.Group, path: str, depth: int, seen: set[Any]) -> Iterator[h5py.Group | h5py.Dataset]:
    """A group and all below it, each once; raises UserError for what leads out of the file."""
    require(depth <= DEPTH, f"nests groups more than {DEPTH} deep")
    yield group
    for name in group:
        where = f"{path.rstrip('/')}/{name}"
        link = group.get(name, getlink=True)
        require(isinstance(link, h5py.HardLink), f"leads elsewhere by {where}, so it is not read")
        if depth == 0 and name in UNVISITED:
            continue
        node = group[name]
        address = h5py.h5o.get_info(node.id).addr
        if address in seen:
            continue
        seen.add(address)
        if isinstance(node, h5py.Group):
            yield from _nodes(node, where, depth + 1, seen)
        elif isinstance(node, h5py.Dataset):
            yield node


def _check_dataset(node: h5py.Dataset) -> None:
    """Raises UserError for data outside the file, and for more of it than its bytes can be."""
    name = node.name
    require(not node.external, f"has the data of {name} in another file, so it is not read")
    require(not node.is_virtual, f"takes the data of {name} from elsewhere, so it is not read")
    text = h5py.check_string_dtype(node.dtype) is not None
    require(text or node.dtype.kind in "iufb", f"holds {name} of a kind that is neither number nor text")
    stored = node.id.get_storage_size()
    require(stored or node.is_scale or not node.size, f"says {node.nbytes:,} bytes of {name} and holds none")
    most = max(PACKING * stored, 2**12)
    require(node.is_scale or node.nbytes <= most, f"says {node.nbytes:,} bytes of {name} and holds {stored:,}")
    chunk = int(np.prod(node.chunks or (0,), dtype=np.float64)) * node.dtype.itemsize
    require(chunk <= max(node.nbytes, 2**20), f"keeps {name} in pieces of {chunk:,} bytes, it has {node.nbytes:,}")


def _touch(node: h5py.Dataset) -> None:
    """Make the library find all parts of a dataset."""
    if node.nbytes <= READ:
        _ = node[()]
    elif node.chunks:
        _ = node.id.get_num_chunks()


@contextlib.contextmanager
def understood(path: Path) -> Iterator[None]:
    """Whatever fails while a file's contents are made sense of is a UserError that names the file."""
    try:
        yield
    except UserError as error:
        if str(path) in str(error):
            raise
        raise UserError(f"{path}: {error}") from error
    except Exception as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path} is damaged, or no file of pinn's: {told}") from error
