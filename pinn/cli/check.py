"""`pinn check`: is what a run needs right, before anything is trained?"""

import sys
from argparse import Namespace

from pinn.cli.composition import arguments, composed
from pinn.diagnosis.derivatives import check_derivatives
from pinn.diagnosis.preflight import preflight
from pinn.report.points import draw_first_points
from pinn.scaling.measuring import measure_sizes
from pinn.trial.making import make_trial


def check(given: Namespace) -> None:
    """Print the checks of what the words configure: its derivatives, then the pre-flight.

    Raises SystemExit with status 1 where it fails, UserError and Hydra's errors where the words do not fit.
    """
    run = arguments(composed(given.options, given.config_dir))
    problem, network, constraints, seed = (run[name] for name in ("problem", "network", "constraints", "seed"))
    derivatives = check_derivatives(
        problem, network=network, constraints=constraints, derivatives=run["derivatives"], seed=seed
    )
    sys.stdout.write(f"{derivatives}\n")
    sizes = measure_sizes(problem, run["scaling"], "reverse", seed)  # an engine that has a rule for all
    trial = make_trial(problem, network, constraints=constraints, derivatives="reverse", sizes=sizes.fields or None)
    before = preflight(trial, run["weights"], seed, sizes)
    sys.stdout.write(f"{before}\n")
    if given.figure is not None:
        sys.stdout.write(f"{draw_first_points(before, run['sampler'], seed, given.figure)}\n")
    if not (derivatives.passed and before.passed):
        raise SystemExit(1)
