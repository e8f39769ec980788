"""A user's page, the module that defines a problem: its source, kept with what it has made, and a module again."""

import ast
import contextlib
import importlib
import importlib.util
import linecache
import sys
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from pinn.basis.errors import UserError, require

SCRIPT = "__main__"
MOST = 2**20  # characters of all that is kept of a page; of a larger one the page alone


@dataclass(frozen=True)
class Page:
    """The source of a module, and of the modules in its folder that it imports, as they were when it was imported.

    Data that it reads and packages that are installed are not held, nor what it imports by names that are made as it
    runs.

    module: its dotted name. path: its file then. sources: file, relative to the folder where modules were looked for ->
    text. home: the folder where it is kept, in which its data are looked for where its own is gone.
    """

    module: str
    path: str
    sources: Mapping[str, str]
    home: Path | None = field(default=None, compare=False)

    @classmethod
    def of(cls, name: str) -> "Page | None":
        """That of a module that is being imported; None for one of pinn, of an installed package or without a file."""
        module = sys.modules.get(name)
        loader, path = getattr(module, "__loader__", None), getattr(module, "__file__", None)
        if isinstance(loader, _Kept):
            return loader.page
        if name.split(".")[0] == "pinn" or not path or "site-packages" in (file := Path(path).resolve()).parts:
            return None
        page = cls(name, str(file), {})
        text = text_of(file)
        return None if text is None else replace(page, sources=_with_neighbors(page.root, page.own, text))

    @property
    def digest(self) -> str:
        """The SHA-256 of all sources with their names."""
        told = "".join(f"{name}\0{text}\0" for name, text in sorted(self.sources.items()))
        return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def name(self) -> str:
        """That of its file."""
        return Path(self.path).name

    @property
    def own(self) -> str:
        """The page's file, relative to the folder where modules were looked for."""
        if self.module == SCRIPT:
            return self.name
        inner = "/__init__.py" if self.name == "__init__.py" else ".py"
        return self.module.replace(".", "/") + inner

    @property
    def root(self) -> Path:
        """The folder to which the sources are relative: where it was, or where it is kept."""
        there = Path(self.path).parents[self.own.count("/")]
        return self.home if self.home is not None and not there.is_dir() else there

    @property
    def changed(self) -> list[str]:
        """The files that are otherwise on the disk today; one that is gone is not."""
        today = {name: text_of(self.root / name) for name in self.sources}
        return [name for name, text in self.sources.items() if today[name] not in (None, text)]

    @property
    def names(self) -> dict[str, str]:
        """The dotted names of its modules -> their files."""
        return {self.module if name == self.own else _dotted(name): name for name in self.sources}

    @cached_property
    def modules(self) -> dict[str, ModuleType]:
        """Its modules by name: those that are imported, where they are of this source, else made of it.

        These do not take the place of what is imported, or would be, under their names. Raises UserError where the
        source fails.
        """
        live = vars(sys.modules.get(self.module, object))
        if any(getattr(value, "page", None) == self for value in live.values()):
            return {name: sys.modules[name] for name in self.names if name in sys.modules}
        told = "it is a script, and to run it again would solve again: pass problem=, or make its problem a module's"
        require(self.module != SCRIPT, f"{self.path} cannot be imported: {told}")
        before = {name: sys.modules.pop(name) for name in self.names if name in sys.modules}
        loader = _Kept(self)
        sys.meta_path.insert(0, loader)
        try:
            importlib.import_module(self.module)
            return {name: sys.modules[name] for name in self.names if name in sys.modules}
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            raise UserError(f"cannot import {self.name} as it is kept, {loader.label}: {told}") from error
        finally:
            sys.meta_path.remove(loader)
            for name in self.names:
                sys.modules.pop(name, None)
            sys.modules.update(before)

    @property
    def is_installed(self) -> bool:
        """Whether the module of its name is made of what was kept."""
        return isinstance(getattr(sys.modules.get(self.module), "__loader__", None), _Kept)

    def install(self) -> None:
        """Have its modules be those that are imported under their names, in this process."""
        sys.modules.update(self.modules)
        sys.meta_path.insert(0, _Kept(self))  # for those that it imports as it runs


class _Kept(ExecutionLoader, MetaPathFinder):
    """Finds and makes the modules of a page from its source."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.label = f"kept in {page.home}" if page.home is not None else "as kept"

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name in self.page.names else None

    def is_package(self, name: str) -> bool:
        return self.page.names[name].endswith("__init__.py")

    def get_filename(self, name: str) -> str:
        return str(self.page.root / self.page.names[name])

    def get_source(self, name: str) -> str:
        return self.page.sources[self.page.names[name]]

    def get_code(self, name: str) -> CodeType:
        """By another name than that of the file, whose lines today may be others."""
        text, label = self.get_source(name), f"{self.get_filename(name)} ({self.label})"
        linecache.cache[label] = (len(text), None, text.splitlines(keepends=True), label)
        return compile(text, label, "exec", dont_inherit=True)


def installed(name: str) -> ModuleType | None:
    """The module that was made of what is kept of a page, by the name of its file; None where there is none."""
    module = sys.modules.get(name.removesuffix(".py"))
    loader = getattr(module, "__loader__", None)
    return module if isinstance(loader, _Kept) and loader.page.name == name else None


def text_of(path: Path) -> str | None:
    """The text of a Python file, in the encoding that it names; None where there is none."""
    with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError), tokenize.open(path) as file:
        return file.read()
    return None


def _dotted(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _with_neighbors(root: Path, page: str, text: str) -> dict[str, str]:
    """The sources of a page and of all below its folder that it imports, and those; it alone if these are long."""
    found, waiting = {page: text}, [page]
    while waiting and sum(map(len, found.values())) <= MOST:
        names = _imported(found[file := waiting.pop()], tuple(file.split("/")[:-1]))
        for name in [name for name in names if name.split(".")[0] != "pinn"]:  # it may lie beside the page
            inner = name.replace(".", "/")
            for own in (f"{inner}/__init__.py", f"{inner}.py"):
                if own not in found and _is_meant(name, root / own) and (source := text_of(root / own)) is not None:
                    found[own] = source
                    waiting.append(own)
    return found if sum(map(len, found.values())) <= MOST else {page: text}


def _is_meant(name: str, path: Path) -> bool:
    """Whether a file is what an import of the name finds: an installed package of that name hides it."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    return path.is_file() and (loaded is None or path.resolve() == Path(loaded).resolve())


@lru_cache(maxsize=64)  # each problem of a page asks
def _imported(text: str, package: tuple[str, ...]) -> list[str]:
    """The dotted names that the source of a module in a package may import, with those of the packages around them."""
    tree = ast.Module([], [])
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):  # a neighbor's, which is not imported yet
        tree = ast.parse(text)
    found: dict[str, None] = {}  # in their order
    for node in ast.walk(tree):
        whole: list[str] = []
        if isinstance(node, ast.Import):
            whole = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            outer = package[: len(package) - node.level + 1] if node.level else []
            base = [*outer, *filter(None, [node.module])]
            whole = [".".join(base), *(".".join([*base, alias.name]) for alias in node.names if alias.name != "*")]
        for name in filter(None, whole):
            parts = name.split(".")
            found |= dict.fromkeys(".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return list(found)
