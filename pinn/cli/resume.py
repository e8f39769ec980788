"""`pinn resume`: continue a run where its checkpoint stands, or a sweep."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pinn.basis.errors import UserError
from pinn.basis.rebuilding import renewed
from pinn.cli.near import did_you_mean
from pinn.cli.parser import Parser

if TYPE_CHECKING:
    from omegaconf import DictConfig

DESCRIPTION = """\
Goes on with a run that was interrupted, or longer, where its checkpoint stands; with a sweep, where jobs are left. The
options override the run's saved configuration."""

EXAMPLES = """\
  pinn resume runs/burgers/2026-11-22_10-00-00
  pinn resume runs/burgers/2026-11-22_10-00-00 training.time_limit=600
  pinn resume runs/multirun/2026-11-22_10-00-00"""


def resume(words: Sequence[str]) -> None:
    """Continue the run in the folder `words[0]` with its saved configuration, changed by KEY=VALUE words; or a sweep.

    Raises UserError where the folder holds no run, or an option is not one of the run's.
    """
    parser = Parser("resume", DESCRIPTION, EXAMPLES)
    parser.add_argument("run", metavar="RUN", help="the folder of a run or of a sweep")
    parser.add_argument("options", metavar="KEY=VALUE", nargs="*", help="of the run, as training.steps=2000")
    given = parser.parse_args(words)
    from pinn.cli.command import solve_by_hydra, solve_configured
    from pinn.cli.composition import register
    from pinn.cli.flags import read_flags
    from pinn.cli.sweeping.ending import command_of
    from pinn.sweeps.records import settle

    folder = Path(given.run)
    command = command_of(folder)
    if command is not None:
        flags, arguments = read_flags([*command, *given.options, f"hydra.sweep.dir={folder}"])
        solve_by_hydra(arguments, flags.config_dir)
        return
    saved = folder / ".hydra" / "config.yaml"
    if not saved.is_file():
        raise UserError(f"no run to resume in {folder}: {saved} is not there; see pinn resume --help")
    register([])  # a problem in the user's own file is found from the working directory
    config = _overridden(saved, given.options)
    with_file = _logging_to(folder / "pinn.log")
    try:
        solve_configured(config, folder, resume=True)
        settle(folder)
    finally:
        for handler in with_file:
            logging.getLogger().removeHandler(handler)
            handler.close()


def _overridden(saved: Path, words: Sequence[str]) -> "DictConfig":
    from omegaconf import DictConfig, OmegaConf

    config = OmegaConf.load(saved)
    assert isinstance(config, DictConfig)
    for word in words:
        key, equals, _ = word.partition("=")
        known = [name for name in _keys(config) if name]
        if not equals:
            raise UserError(f"resume takes options of the form KEY=VALUE after the run, got {word!r}")
        if key not in known and not key.startswith("weights."):
            raise UserError(f"no option {key!r}{did_you_mean(key, known)} in the saved configuration {saved}")
        config.merge_with_dotlist([word])
    return OmegaConf.create(renewed(OmegaConf.to_container(config)))


def _keys(node: "DictConfig", prefix: str = "") -> list[str]:
    """Every dotted key of a configuration."""
    from omegaconf import DictConfig

    found = []
    for key, value in node.items():
        name = prefix + str(key)
        found += [name, *(_keys(value, f"{name}.") if isinstance(value, DictConfig) else [])]
    return found


def _logging_to(path: Path) -> list[logging.Handler]:
    """The root logger's handlers as Hydra sets them up in a run: the terminal, and the run's log, appended to."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout), logging.FileHandler(path)]
    handlers[0].setFormatter(logging.Formatter("%(message)s"))
    handlers[1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for handler in handlers:
        logging.getLogger().addHandler(handler)
    logging.getLogger("pinn").setLevel(logging.INFO)
    return handlers
