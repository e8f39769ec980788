"""`pinn check`: is what a run needs right, before anything is trained?"""

import sys
from collections.abc import Sequence
from typing import Any, cast

from pinn.cli.parser import Parser

DESCRIPTION = """\
Compares the derivatives that the problem's residuals ask for, by Taylor mode, by reverse mode and by numbers, in double
precision with a fresh network. Then the pre-flight that every run has: conditions select points, agree in corners and
are enough; no term dwarfs another at the start; the exact solution satisfies every term.

Exit status: 0 passed, 1 failed."""

EXAMPLES = """\
  pinn check problem=wave
  pinn check problem=heat.py problem.kappa=2
  pinn check problem=poisson_holes --figure points.png"""


def check(words: Sequence[str]) -> None:
    """Print the checks of what `words` configure: its derivatives, then the pre-flight.

    Raises SystemExit with status 1 where it fails, UserError and Hydra's errors where the words do not fit.
    """
    parser = Parser("check", DESCRIPTION, EXAMPLES)
    parser.add_argument("options", metavar="KEY=VALUE", nargs="*", help="those of a run, GROUP=CHOICE among them")
    parser.add_argument("--figure", metavar="FILE", help="draw the domain with each term's points and the normals")
    parser.add_argument("--config-dir", "-cd", metavar="DIR", help="your own choices of the groups")
    given = parser.parse_intermixed_args(words)
    from pinn.cli.configured import composed

    config = composed(given.options, given.config_dir)
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from pinn.diagnosis import preflight
    from pinn.diagnosis.derivatives import check_derivatives
    from pinn.trial.making import make_trial

    keys = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True, throw_on_missing=True, enum_to_str=True))
    problem, network, sampler = (
        instantiate(config[name], _convert_="all") for name in ("problem", "network", "sampler")
    )
    constraints, seed = keys["constraints"], keys["seed"]
    found = check_derivatives(
        problem, network=network, constraints=constraints, derivatives=keys["derivatives"], seed=seed
    )
    sys.stdout.write(f"{found}\n")
    trial = make_trial(problem, network, constraints=constraints, derivatives="reverse")  # which has a rule for all
    before = preflight(trial, keys["weights"], seed)
    sys.stdout.write(f"{before}\n")
    if given.figure is not None:
        from pinn.report.points import draw_first_points

        sys.stdout.write(f"{draw_first_points(before, sampler, seed, given.figure)}\n")
    if not (found.passed and before.passed):
        raise SystemExit(1)
