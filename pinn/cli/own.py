"""Whether a run's folder is this user's own, and what one from elsewhere may say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pinn.basis.errors import require
from pinn.basis.rebuilding import TRUST, check_targets, renewed
from pinn.domains.base import Domain
from pinn.optimizers.automatic import Automatic
from pinn.optimizers.base import Optimizer
from pinn.problem import Problem
from pinn.sampling.adaptation import Adaptation
from pinn.sampling.base import Sampler
from pinn.solution.loading import NETWORK_PARTS, NETWORKS
from pinn.solution.output import Output
from pinn.terms.unknowns import UNKNOWNS
from pinn.training.settings import Stage, Stages, Training
from pinn.training.weighting import Weighting

CONFIGURATION = ".hydra/config.yaml"  # in the folder of a run, as Hydra writes it

Kinds = tuple[type, ...]

PLACES: Mapping[str, tuple[Kinds, Kinds]] = {
    "problem": ((Problem,), (Problem, Domain, *UNKNOWNS)),
    "network": (NETWORKS, NETWORK_PARTS),
    "sampler": ((Sampler,), (Adaptation,)),
    "optimizer": ((Optimizer, Stages, Automatic), (Optimizer, Stage)),
    "weighting": ((Weighting,), ()),
    "training": ((Training,), ()),
    "output": ((Output,), ()),
}
"""What each part of a configuration may make, and what may be inside it."""


def check_stranger(configuration: Mapping[str, Any], path: Path) -> None:
    """Raise UserError unless a configuration from elsewhere makes nothing but its parts, of pinn, and reads nothing."""
    for text in _texts(configuration):
        require("${" not in text, f"{path} has {text!r} filled in, and was not made here by you; {TRUST}")
    told = f"{path} has a tracker that is handed the record, and was not made here by you; {TRUST}"
    require(configuration.get("tracker") is None, told)
    for name, part in renewed(configuration).items():
        check_targets(part, *PLACES.get(name, ((), ())))


def check_folder(folder: Path) -> None:
    """Raise UserError where links, pipes or devices in a folder that is about to be written lead elsewhere."""
    root = folder.resolve()
    for path in folder.rglob("*"):
        inside = not path.is_symlink() or path.resolve().is_relative_to(root)
        require(inside, f"{path} is a link that leads out of the folder; put what it leads to in its place")
        require(path.is_file() or path.is_dir(), f"{path} is neither a file nor a folder; take it out")
        alone = path.is_dir() or path.stat().st_nlink == 1
        require(alone, f"{path} is also a file elsewhere (a hard link), which would be written to; copy the folder")


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield str(key)
            yield from _texts(value)
    elif isinstance(tree, list):
        for entry in tree:
            yield from _texts(entry)
    elif isinstance(tree, str):
        yield tree
