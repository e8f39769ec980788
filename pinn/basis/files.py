"""Files that may come from strangers: regular ones of a reasonable size, text that a terminal can show, small YAML."""

from __future__ import annotations

import math
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from pinn.basis.errors import UserError, require

TEXT_BYTES = 2**22
"""Of a text that is read whole, such as a configuration."""

NODES, DEPTH = 300_000, 50
"""Of a YAML document: values and keys, each counted as often as it is named; how deep they are nested."""

NUMBER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|[0-9_:.]+)")
"""What YAML may read as a number, those of base sixty, 1:30:00, among them: in a time that grows as its square."""

DIGITS = 300
"""Of a number."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it is there: ten times as fast


def require_regular(path: Path, most: float = math.inf) -> None:
    """Raise UserError unless this is a file, of at most so many bytes: reading a pipe or a device may never end."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    require(stat.S_ISREG(found.st_mode), f"{path} is no regular file, so it is not read")
    require(found.st_size <= most, f"{path} has {found.st_size:,} bytes, more than {most:,}")


def read_text(path: Path) -> str:
    """A text in UTF-8 of at most TEXT_BYTES; raises UserError where it is none."""
    require_regular(path, TEXT_BYTES)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def without_links(path: Path, root: Path) -> Path:
    """The path, below the folder `root`; raises UserError where a link on the way from there leads elsewhere."""
    parts = path.relative_to(root).parts
    for count in range(1, len(parts) + 1):
        step = root.joinpath(*parts[:count])
        require(not step.is_symlink(), f"{step} is a link to another place; put what it leads to in its place")
    return path


def read_yaml(text: str) -> Any:
    """The data of a YAML document; raises UserError where it is none, or too large, or grows by its aliases."""
    require(len(text) <= TEXT_BYTES, f"a configuration of {len(text):,} characters, more than {TEXT_BYTES:,}")
    try:
        _check_growth(text)
        return yaml.load(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"it is no YAML: {' '.join(str(error).split())}") from error


def _check_growth(text: str) -> None:
    """Count the nodes of a document, those of an alias again each time; nothing is made of them."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # those begun: anchor, and nodes before
    total = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            require(event.anchor in sizes, f"the alias {event.anchor} names what is not complete")
            total += sizes[str(event.anchor)]
        elif isinstance(event, yaml.NodeEvent):
            total += 1
            if isinstance(event, yaml.ScalarEvent) and len(event.value) > DIGITS and (event.implicit[0] or event.tag):
                require(not NUMBER.fullmatch(event.value), f"a number of more than {DIGITS} digits")
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((event.anchor, total - 1))
            elif event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        require(total <= NODES, f"a configuration of more than {NODES:,} values")
        require(len(open_nodes) <= DEPTH, f"a configuration nested more than {DEPTH} deep")


def printable(text: str) -> str:
    """A text without what steers a terminal: control characters and those that turn the direction of writing."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs") else "\ufffd"
        for character in text
    )
