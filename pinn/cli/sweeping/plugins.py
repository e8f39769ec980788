"""The sweepers under names by which Hydra finds them, and the launchers with the options that conf/ explains."""

from importlib.resources import files

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins


def register_plugins() -> None:
    """Make the sweepers known, and conf/hydra/launcher/ in place of what the launchers bring along.

    Hydra takes plugins only from the namespace `hydra_plugins`: each class is entered under such a name, by which a
    file of conf/hydra/sweeper/ refers to it.
    """
    plugins = Plugins.instance()
    # after the line above, which executes the modules of Hydra's own sweepers again: a subclass made before has a base
    # that is no longer the module's
    from pinn.cli.sweeping.grid import GridSweeper
    from pinn.cli.sweeping.search import OptunaSweeper

    for sweeper in (GridSweeper, OptunaSweeper):
        plugins.class_name_to_class[f"hydra_plugins.pinn.{sweeper.__name__}"] = sweeper

    launchers = ConfigStore.instance().repo["hydra"]["launcher"]
    for entry in files("pinn.conf").joinpath("hydra/launcher").iterdir():
        launchers.pop(entry.name, None)  # a choice of the same name would be taken for the schema of ours
