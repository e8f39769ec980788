"""A new HDF5 file, whole or not at all."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py

from pinn.basis.disk import replacing


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file that is written under a temporary name and has its own at the end; no trace after an error.

    Raises UserError where it cannot be written, such as on a full disk.
    """
    with replacing(path) as temporary, open(temporary, "w+b", buffering=0) as file:
        disk = Disk(file)
        try:
            with h5py.File(disk, "w") as content:
                yield content
        except Exception:
            if disk.failure is None:
                raise
        if disk.failure is not None:
            raise disk.failure


class Disk:
    """A file for HDF5 to write to, which never tells it that it failed: HDF5 could not close it any more.

    With h5py 3.16 and a full disk closing printed tracebacks, and ended in a segmentation fault. failure: the first,
    a Ctrl-C among them, for whoever closes the file; what is written after it is lost.
    """

    def __init__(self, file: io.FileIO) -> None:
        self.file = file
        self.failure: BaseException | None = None
        self.read, self.readinto, self.seek, self.tell = file.read, file.readinto, file.seek, file.tell

    def write(self, data: memoryview) -> int:
        """Write all of it."""
        left = memoryview(data).cast("B")
        while len(left) and self.failure is None:
            left = left[self._do(self.file.write, left) or 0 :]
        return len(data)

    def truncate(self, size: int) -> int:
        self._do(self.file.truncate, size)
        return size

    def flush(self) -> None:
        """Nothing: nothing is held back."""

    def _do(self, call: Callable[..., int], *arguments: Any) -> int | None:
        try:
            return call(*arguments)
        except BaseException as error:
            self.failure = self.failure or error
            return None
