"""The problem of a sweep, built before its jobs."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from pinn.diagnosis.results import asked_of


def numbers_asked(config: DictConfig) -> list[str]:
    """What the problem of a job asks of its solution, and what it identifies, by name."""
    problem = instantiate(config.problem, _convert_="all")
    return [*asked_of(problem), *problem.unknowns]
