"""Files that are whole or absent, after a kill or a power cut too; and folders to which one process alone writes."""

import contextlib
import errno
import io
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from pinn.basis.errors import UserError
from pinn.basis.logs import logger

try:
    import fcntl
except ImportError:  # Windows, where folders are not held
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
TEMPORARY = re.compile(r"\..*\.(\d+)\.tmp")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the folder of `path`, renamed to `path` at the end and removed after an error.

    The content is on the disk before it has the name, and the name before this returns. Raises UserError where it
    cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # else a link of that name, in a stranger's folder, would be written through
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}; choose another folder or free the space") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> Path:
    """Write a text, whole or not at all; returns its path. Raises UserError where it cannot be written.

    What no UTF-8 can say, as texts of damaged files hold it, becomes a question mark.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
    return path


def sync(path: Path) -> None:
    """Have what was written to a file, or which names a folder holds, on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of file systems that cannot
            raise
    finally:
        os.close(descriptor)


def remove_stale(folder: Path) -> None:
    """Remove what processes that are gone have left half written in a folder and in those within it."""
    for path in (*folder.glob(".*.tmp"), *folder.glob("*/.*.tmp")):
        named = TEMPORARY.fullmatch(path.name)
        if named and not is_alive(int(named[1])):
            with contextlib.suppress(OSError):
                path.unlink()


def is_alive(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for this process until it ends, however it ends, without what others have left half written.

    Raises UserError where another process holds it. Where the file system has no locks nothing is held.
    """
    path = folder / LOCK
    file = _locked(path)
    try:
        remove_stale(folder)
        yield
    finally:
        if file is not None:
            with contextlib.suppress(OSError):
                path.unlink()  # while it is held: whoever has opened it meanwhile looks again
            file.close()


def _locked(path: Path) -> io.FileIO | None:
    while fcntl is not None:
        try:
            file = open(path, "ab+", buffering=0, opener=_not_a_link)  # noqa: SIM115 - closed by `held`
        except OSError as error:
            raise UserError(f"cannot write to the folder {path.parent}: {error.strerror or error}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().decode().strip() or "another process"
            file.close()
            raise UserError(
                f"{path.parent} is in use by {who}: wait until it ends, or stop it, then try again"
            ) from None
        except OSError as error:
            logger.debug("%s is not locked: %s", path, error)
            file.close()
            return None
        if _is_still(file, path):
            with contextlib.suppress(OSError):  # a full disk
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()}\n".encode())
            return file
        file.close()
    return None


def _not_a_link(path: str, flags: int) -> int:
    """Open a file; an error where the name is a link, which a stranger's folder may have put there."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _is_still(file: io.FileIO, path: Path) -> bool:
    """Whether the path leads to the open file, and not to one that another process has made since."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
