"""`pinn check`: is what a run needs right, before anything is trained?"""

import sys
from collections.abc import Sequence
from typing import Any, cast

from pinn.cli.flags import read_flags
from pinn.errors import UserError

CHECK = """\
pinn check [GROUP=CHOICE | KEY=VALUE]...
    Compares the derivatives that the problem's residuals ask for, by Taylor mode, by reverse mode and by numbers, in
    double precision with a fresh network. The options are those of a run. Exit status: 0 passed, 1 failed.
"""


def check(words: Sequence[str]) -> None:
    """Print the check of the derivatives of what `words` configure.

    Raises SystemExit with status 1 where it fails, UserError and Hydra's errors where the words do not fit.
    """
    flags, arguments = read_flags(words)
    if flags.help:
        sys.stdout.write(CHECK)
        return
    others = [word for word in arguments if word.startswith("-") and word != "--config-dir"]
    if others:
        raise UserError(f"check takes options and --config-dir, got {', '.join(others)}; it checks one configuration")
    from pinn.cli.configured import composed

    config = composed(flags.words, flags.config_dir)
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from pinn.diagnosis import check_derivatives

    keys = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True))
    found = check_derivatives(
        instantiate(config.problem, _convert_="all"),
        network=instantiate(config.network, _convert_="all"),
        **{name: keys[name] for name in ("constraints", "derivatives", "seed")},
    )
    sys.stdout.write(f"{found}\n")
    if not found.passed:
        raise SystemExit(1)
