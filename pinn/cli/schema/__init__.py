"""Names and types of every option in conf/: what Hydra checks before anything is built.

A schema has the fields of the constructor that its `_target_` names and no values; the values are in conf/, and a
test holds the three together. Nothing is imported here but the standard library, for the speed of `pinn --help`.
"""

from pinn.cli.schema import (
    config,
    launcher,
    network,
    optimizer,
    output,
    problem,
    sampler,
    sweeper,
    training,
    weighting,
)
from pinn.cli.schema.config import Config

__all__ = ["SCHEMAS", "Config"]

# The name under which a file of conf/ takes its schema: /schema/<name>@_here_.
SCHEMAS: dict[str, type] = {
    **config.SCHEMAS,
    **problem.SCHEMAS,
    **network.SCHEMAS,
    **sampler.SCHEMAS,
    **optimizer.SCHEMAS,
    **weighting.SCHEMAS,
    **training.SCHEMAS,
    **output.SCHEMAS,
    **launcher.SCHEMAS,
    **sweeper.SCHEMAS,
}
