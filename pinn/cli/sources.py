"""Where Hydra reads choices from: each that names a constructor by `_target_` gets the types of its arguments."""

from contextvars import ContextVar
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import UserError
from pinn.cli.schema import located, open_mappings, options, parameters, takes_any

OURS = "pkg://pinn.conf"
LAUNCHERS = "launcher_options"  # a group of the ConfigStore

USERS_FOLDER: ContextVar[Path | None] = ContextVar("users_folder", default=None)


class CheckedPackage(ImportlibResourcesConfigSource):
    """The choices that come with pinn."""

    @staticmethod
    def scheme() -> str:
        return "pinn"

    def load_config(self, config_path: str) -> ConfigResult:
        return _checked(super().load_config(config_path), config_path)


class CheckedFolder(FileConfigSource):
    """The choices of a user's own."""

    @staticmethod
    def scheme() -> str:
        return "pinn-file"

    def load_config(self, config_path: str) -> ConfigResult:
        return _checked(super().load_config(config_path), config_path)


class Sources(SearchPathPlugin):
    """Has choices checked, and the folder of --config-dir searched before pinn's own.

    The user's choice of a name is meant, not ours; Hydra itself searches that folder last.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for element in search_path.get_path():
            if element.path == OURS:
                element.path = OURS.replace("pkg", CheckedPackage.scheme())
        folder = USERS_FOLDER.get()
        if folder is not None:
            search_path.prepend("command-line", f"{CheckedFolder.scheme()}://{folder}", anchor="main")


def register_sources(folder: Path | None) -> None:
    """Make Hydra read by these sources. folder: with choices of the user's own."""
    USERS_FOLDER.set(folder)
    for plugin in (CheckedPackage, CheckedFolder, Sources):
        Plugins.instance().register(plugin)
    _set_launchers_aside()


def _set_launchers_aside() -> None:
    """Keep what the launchers' packages declare as the types of conf/hydra/launcher/ alone.

    Hydra would take a choice of a file's name for its schema, in a way that it gives up.
    """
    store = ConfigStore.instance()
    launchers = store.repo["hydra"]["launcher"]
    for entry in files("pinn.conf").joinpath("hydra/launcher").iterdir():
        if entry.name in launchers:
            store.store(group=LAUNCHERS, name=entry.name, node=launchers.pop(entry.name).node)


def _launcher_options(choice: str) -> DictConfig | None:
    """The options of a launcher as its package declares them; None where it is not installed."""
    stored = ConfigStore.instance().repo.get(LAUNCHERS, {}).get(f"{choice}.yaml")
    return None if stored is None else stored.node


def _checked(file: ConfigResult, path: str) -> ConfigResult:
    """A file with its options typed: its own, or those below the name of its group where it is of package _global_."""
    group, _, choice = path.removesuffix(".yaml").rpartition("/")
    config = file.config
    assert isinstance(config, DictConfig)
    if "_target_" in config:
        file.config = _typed(config, group, choice)
    elif isinstance(config.get(group), DictConfig) and "_target_" in config[group]:
        config[group] = _typed(config[group], group, choice)
    return file


def _typed(node: DictConfig, group: str, choice: str) -> DictConfig:
    """A node with the types of what its `_target_` names; as it is where that cannot be found.

    Raises UserError where the constructor does not take an argument, a ValidationError where a value has a wrong type.
    """
    spelled, given = str(node._get_node("_target_")), list(map(str, node))
    if "_args_" in given or not all(name.isidentifier() and not iskeyword(name) for name in given):
        return node  # arguments by place, and keys that are no arguments' names, are for the constructor to judge
    typed = _launcher_options(choice) if group == "hydra/launcher" else _options(spelled, given, group)
    if typed is None:
        return node
    merged = OmegaConf.merge({group: typed}, {group: node})  # so that an error names the group
    assert isinstance(merged, DictConfig)
    return open_mappings(merged[group])


def _options(spelled: str, given: list[str], group: str) -> DictConfig | None:
    constructor = Plugins.instance().class_name_to_class.get(spelled) or located(spelled)
    if constructor is None:
        return None
    try:
        known = {"defaults", *parameters(constructor)}
    except ValueError:  # of a class in C
        return None
    unknown = next((name for name in given if name not in known and not name.startswith("_")), None)
    if unknown is not None and not takes_any(constructor):
        told = f"{constructor.__name__} takes no argument {unknown!r}: take {group}.{unknown} out of conf/"
        raise UserError(f"cannot build {group}: {told}")
    return options(constructor, spelled, given)
