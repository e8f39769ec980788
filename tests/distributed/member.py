"""What the ranks of the tests compute, each a process that a launcher's environment variables make one of several."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from pinn.distributed.rendezvous import launched_team, left
from pinn.distributed.team import Team
from pinn.domains import Box
from pinn.networks import MLP
from pinn.optimizers import (
    LBFGS,
    SPRING,
    Adam,
    LeastDamping,
    LevenbergMarquardt,
    Optimizer,
    Sketched,
    SSBroyden,
    TrustRegion,
)
from pinn.optimizers.linear import newton_step
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.execution import Execution
from pinn.sampling import SobolSampler
from pinn.terms import Dirichlet, Interior, Mean
from pinn.training import Trainer, Training
from pinn.trial.making import make_trial


class Unlevelled(Problem):
    """-u_xx - u_yy = 1 with a mean value for a condition: one row that needs many points."""

    def __init__(self) -> None:
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u",)

    def terms(self):
        return {
            "poisson": Interior(self.poisson),
            "side": Dirichlet(u=0.0, on="x.min"),
            "mean": Mean(u=0.25),
            "spread": Interior(self.spread),
        }

    def poisson(self, u_xx, u_yy):
        return u_xx + u_yy + 1

    def spread(self, u, u_x):
        """Coupled: every row depends on all points."""
        return u - u.mean() + u_x


OPTIMIZERS: dict[str, Optimizer] = {
    "levenberg_marquardt": LevenbergMarquardt(),
    "least_damping": LeastDamping(),
    "trust_region": TrustRegion(),
    "orthogonal": LeastDamping(solver="orthogonal"),
    "conjugate_gradients": LevenbergMarquardt(solver="conjugate_gradients"),
    "sketched": Sketched(share=0.5),
    "spring": SPRING(),
    "ssbroyden": SSBroyden(),
    "lbfgs": LBFGS(),
    "adam": Adam(),
}
STEPS = 8
TRAINED = ("levenberg_marquardt", "orthogonal", "ssbroyden", "adam")


def made(problem: Problem):
    """The residuals of a small network."""
    torch.manual_seed(0)
    return make_residuals(make_trial(problem, partial(MLP, width=6, depth=2), constraints="soft"))


def results(team: Team) -> dict[str, torch.Tensor]:
    """J^T J, J^T r and losses; one step and the losses after it by optimizer."""
    found = {}
    sampler = SobolSampler(interior=81, boundary=14)
    for problem in (Burgers(nu=0.05), Unlevelled()):
        residuals = made(problem)
        points = residuals.draw(sampler, torch.Generator().manual_seed(0))
        bound = Execution(Assembly(chunk=50), team).bind(residuals, points)
        theta, name = residuals.theta(), problem.name
        found[f"{name}/J^T J"], found[f"{name}/J^T r"], loss = bound.normal_equations(theta)
        found[f"{name}/loss"] = torch.stack([loss, bound.loss(theta), bound.loss_and_gradient(theta)[0]])
        found[f"{name}/gradient"] = bound.loss_and_gradient(theta)[1]
        found[f"{name}/means"] = torch.stack(list(bound.mean_squares(theta).values()))
        found[f"{name}/newton"] = newton_step(bound, theta, 1e-6).theta
        for title, optimizer in OPTIMIZERS.items():
            moved, _, report = optimizer.step(theta, optimizer.init(theta), bound)
            found[f"{name}/{title}/step"] = moved - theta
            assert report["loss"] > 0
    for title in TRAINED:
        training = Training(steps=STEPS, time_limit=None, check_every=STEPS, held_out=30)
        execution = Execution(team=team)
        trainer = Trainer(made(Burgers(nu=0.05)), OPTIMIZERS[title], sampler, training, execution=execution)
        trainer.run()
        found[f"trained/{title}"] = trainer.least_squares.loss(trainer.theta)
    return found


def compute(environment: Mapping[str, str], path: Path) -> None:
    """In a process of its own; rank 0 writes the results to a file."""
    os.environ.update(environment)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    team = launched_team(torch.device("cpu"))
    computed = results(team)
    if team.rank == 0:
        torch.save(computed, path)
    left()
