"""Which files this user's pinn has written: their authentication codes (HMAC, RFC 2104) by a key that nobody else has.

A seal lies beside what it seals, so that it moves along. What a stranger sends has none, and what was changed has a
wrong one. Where no key can be kept (no home, another machine) nothing is sealed, and nothing counts as sealed.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
from pathlib import Path

from pinn.basis.disk import write_text
from pinn.basis.errors import UserError

FILE_NAME = ".seals.json"
KEY_BYTES = 32
MOST_BYTES = 2**24  # larger files take longer to authenticate than to look at


def seal(folder: Path, name: str) -> None:
    """Note in a folder that its file of this name, as it is now, was written here."""
    key = _key(make=True)
    if key is None or (code := _code(key, folder, name)) is None:
        return
    with contextlib.suppress(UserError):  # which costs a word of trust later, never the run
        write_text(folder / FILE_NAME, json.dumps(_codes(folder) | {name: code}) + "\n")


def is_sealed(folder: Path, name: str) -> bool:
    """Whether a folder's file of this name is as this user's pinn has written it."""
    told = _codes(folder).get(name)
    if told is None or (key := _key(make=False)) is None:
        return False
    code = _code(key, folder, name)
    return code is not None and hmac.compare_digest(told.encode(), code.encode())


def _codes(folder: Path) -> dict[str, str]:
    """Name -> code, as the folder tells."""
    path = folder / FILE_NAME
    try:
        if not path.is_file() or path.stat().st_size > 2**16:
            return {}
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(name): str(code) for name, code in told.items()} if isinstance(told, dict) else {}


def _code(key: bytes, folder: Path, name: str) -> str | None:
    """Of a file's name and bytes; None where it is no regular file or too large."""
    path = folder / name
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return hmac.digest(key, name.encode() + b"\0" + path.read_bytes(), "sha256").hex()
    except OSError:
        return None


def _key(make: bool) -> bytes | None:
    """This user's secret, `pinn/key` in the folder for state (XDG); None where there is none, or others may read it."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        path = Path(state) / "pinn" / "key"
        if make and not path.exists():
            _make_key(path)
        found = path.stat()
        private = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
        key = path.read_bytes() if private else b""
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    return key if len(key) == KEY_BYTES else None


def _make_key(path: Path) -> None:
    """Write a new secret, whole or not at all; the first of several processes makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"key.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
