"""Several eigenfunctions on the nodes of a solution file."""

import numpy as np
import torch
from numpy.typing import NDArray

from pinn.residuals.exact_terms import make_residuals
from pinn.solution.chunks import points_at_once
from pinn.solution.nodes import make_nodes
from pinn.solution.output import Output
from pinn.training.eigenmodes import eigenmodes, several
from pinn.training.plan import Plan
from pinn.trial.function import TrialFunction
from pinn.trial.windows import WindowedTrial


def modes_of(trial: TrialFunction | WindowedTrial, plan: Plan, output: Output) -> dict[str, NDArray]:
    """Eigenvalues (k,) by the unknown's name and fields (k, *nodes) by theirs; empty unless several are asked for."""
    if isinstance(trial, WindowedTrial) or several(trial.problem) is None:
        return {}
    residuals = make_residuals(trial, weights=plan.balanced_weights)
    modes = eigenmodes(residuals, plan.sampler, plan.seed)
    if modes is None:
        return {}
    nodes, fields = make_nodes(trial.problem.domain, output.resolution), trial.problem.vocabulary.fields
    inside = np.ones(nodes.size, bool) if nodes.inside is None else nodes.inside.ravel()
    x = torch.as_tensor(nodes.points(trial.problem.coordinates)[inside], dtype=trial.dtype).to(trial.device)
    found = {modes.unknown: np.array(modes.values)}
    found |= {name: np.full((len(modes.values), nodes.size), np.nan) for name in fields}
    for k, theta in enumerate(modes.thetas):
        parameters = residuals.unflatten(theta)
        with torch.no_grad():
            parts = [trial.evaluate(fields, part, parameters) for part in x.split(points_at_once(trial))]
        for name in fields:
            found[name][k, inside] = torch.cat([part[name] for part in parts]).cpu().numpy()
    return {name: q if q.ndim == 1 else q.reshape(-1, *nodes.shape) for name, q in found.items()}
