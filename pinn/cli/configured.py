"""What the command line would pass to `solve`, for Python."""

from typing import Any, cast

from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from pinn.basis.errors import UserError
from pinn.cli.composition import register
from pinn.cli.mistakes import explain

PARTS = ("problem", "network", "sampler", "optimizer", "weighting", "training", "output")

KEYS = ("seed", "dtype", "device", "devices", "constraints", "derivatives", "initial_guess", "compile", "weights")


def configured(*words: str) -> dict[str, Any]:
    """The arguments with which `pinn WORDS` calls `solve`: a problem with the network and optimizer that suit it.

    words: options as on the command line, `solve(**configured("problem=wave", "seed=1"))`. Nothing is written, as
    `solve` is told no folder. Raises UserError where a word does not fit.
    """
    try:
        return arguments(composed(list(words)))
    except Exception as error:
        message, status = explain(error)
        if status == 2 and not isinstance(error, UserError):
            raise UserError(message) from error
        raise


def arguments(config: DictConfig) -> dict[str, Any]:
    """The arguments of `solve` that a composed configuration describes."""
    container = OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True)
    plain = cast("dict[str, Any]", container)
    parts = {name: instantiate(config[name], _convert_="all") for name in PARTS}
    return parts | {name: plain[name] for name in KEYS} | {"configuration": plain}


def composed(words: list[str], config_dir: str | None = None) -> DictConfig:
    """The configuration that a run with these options would have, composed without a run folder."""
    overrides = register(words, config_dir)
    with initialize_config_module("pinn.conf", version_base="1.3", job_name="pinn"):
        return compose("config", overrides)
