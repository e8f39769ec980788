"""What Hydra is given for sweeps: the job, the sweepers, and their registration."""

from hydra.core.plugins import Plugins

# It executes the modules of Hydra's own sweepers again: what is derived from one before has a base that is no longer
# the module's, as which the base knows itself.
Plugins.instance()
