"""A new HDF5 file, whole or not at all."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

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

    With h5py 3.16 and a full disk closing printed tracebacks, and ended in a segmentation fault. From the first failure
    on the content is kept in memory, so that HDF5 reads what it wrote. failure: that one, a Ctrl-C among them, for
    whoever closes the file.
    """

    def __init__(self, file: io.FileIO) -> None:
        self.file: io.FileIO | io.BytesIO = file
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes | None:
        return self.file.read(size)

    def readinto(self, buffer: memoryview) -> int | None:
        return self.file.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def write(self, data: memoryview) -> int:
        """Write all of it."""
        start, left = self.file.tell(), memoryview(data).cast("B")
        try:
            while len(left):
                left = left[self.file.write(left) or 0 :]
        except BaseException as error:
            self._fail(error)
            self.file.seek(start)
            self.file.write(data)
        return len(data)

    def truncate(self, size: int) -> int:
        try:
            return self.file.truncate(size)
        except BaseException as error:
            self._fail(error)
            return self.file.truncate(size)

    def flush(self) -> None:
        """Nothing: nothing is held back."""

    def _fail(self, error: BaseException) -> None:
        """Go on in memory, with what the file holds."""
        self.failure = self.failure or error
        self.file.seek(0)
        self.file = io.BytesIO(self.file.read() or b"")
