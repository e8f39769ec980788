"""What Hydra is told before it composes: schemas, resolvers, sweepers, and the problem in a file of the user's own."""

import re
from contextvars import ContextVar
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import require
from pinn.cli.problem_file import problem_node, search_working_directory
from pinn.cli.schema import SCHEMAS
from pinn.cli.sweeping.plugins import register_plugins

PROBLEM_FILE = re.compile(r"[^,\s'\"()\[\]]+\.py(?::\w+)?(?![\w.])")

USERS_FOLDER: ContextVar[Path | None] = ContextVar("users_folder", default=None)


class UsersFolder(SearchPathPlugin):
    """Searches the folder of --config-dir before pinn's own: the user's choice of a name is meant, not ours.

    Hydra itself searches it last.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        folder = USERS_FOLDER.get()
        if folder is not None:
            search_path.prepend("command-line", f"file://{folder}", anchor="main")


def register(words: list[str], config_dir: str | None = None) -> list[str]:
    """Make everything known that the words may name, and return them as Hydra is to read them.

    The working directory is searched for modules last, so that no file in it can hide an installed package.
    config_dir: a folder with choices of the user's own. Raises UserError where it is not there.
    """
    USERS_FOLDER.set(None if config_dir is None else choices_folder(Path(config_dir)))
    Plugins.instance().register(UsersFolder)
    register_plugins()
    store = ConfigStore.instance()
    for name, schema in SCHEMAS.items():
        group, _, leaf = f"schema/{name}".rpartition("/")
        store.store(group=group, name=leaf, node=_open_mappings(OmegaConf.structured(schema)))
    OmegaConf.register_new_resolver("file_name", file_name, replace=True)
    search_working_directory()
    return [_with_problem_files(word) for word in words]


def choices_folder(folder: Path) -> Path:
    """The folder of --config-dir, in full; raises UserError where it is none, or holds a main configuration."""
    require(folder.is_dir(), f"no folder {str(folder)!r} for --config-dir; looked in {Path.cwd()}")
    main = folder / "config.yaml"
    require(
        not main.exists(), f"{main} would replace pinn's own config.yaml: rename it, or choose another --config-dir"
    )
    return folder.resolve()


def _open_mappings(schema: DictConfig) -> DictConfig:
    """Let mappings take new keys, which Hydra forbids everywhere else."""
    for key in schema:
        node = schema._get_node(key)
        if isinstance(node, DictConfig):
            OmegaConf.set_struct(node, False)
    return schema


def file_name(value: object) -> str:
    """A value as part of a path: `heat.py:Rod` becomes `heat_Rod`."""
    return re.sub(r"[^\w.-]+", "_", str(value).replace(".py", "")).strip("._") or "unnamed"


def _with_problem_files(word: str) -> str:
    """`problem=heat.py` with each file made a choice of the group `problem`, sweeps included."""
    if not word.startswith("problem="):
        return word
    return "problem=" + PROBLEM_FILE.sub(_register_problem, word.removeprefix("problem="))


def _register_problem(match: re.Match[str]) -> str:
    choice = Path(match[0]).name
    ConfigStore.instance().store(group="problem", name=choice, node=problem_node(match[0]))
    return choice
