"""What an output asks for, checked before anything is trained for it."""

from collections.abc import Sequence

import torch

from pinn.basis.errors import require
from pinn.optimizers.linearization import total_memory
from pinn.solution.nodes import count_nodes
from pinn.solution.output import Output
from pinn.trial.function import TrialFunction

NUMBER = 8  # bytes


def check_derivatives(trial: TrialFunction, names: Sequence[str]) -> None:
    """Raises UserError where a name means nothing, or no further number at a point."""
    problem = trial.problem
    there = (*problem.vocabulary.fields, *problem.coordinates, "jacobian", "hessian")
    known = [name for name in names if name in there]
    require(not known, f"output.derivatives must be numbers at a point beside the fields, got {', '.join(known)}")
    if names:
        trial.request(tuple(names))


def check_output(trial: TrialFunction, output: Output) -> None:
    """Raises UserError where a derivative that is asked for means nothing, or the nodes are more than memory holds."""
    problem, names = trial.problem, tuple(output.derivatives)
    check_derivatives(trial, names)
    nodes = count_nodes(problem.domain, output.resolution)
    of_fields = 2 if problem.truth_kind is None else 4  # with the estimate; with truth and error
    arrays = of_fields * len(problem.vocabulary.fields) + len(problem.all_terms()) + len(names)
    needed, there = nodes * arrays * NUMBER, total_memory(torch.device("cpu"))
    require(
        needed < there,
        f"output.resolution={output.resolution} makes {nodes:.3g} nodes, whose {arrays} arrays of "
        f"{needed / 2**30:,.0f} GiB do not fit into {there / 2**30:,.0f} GiB of memory; take fewer, for example by the "
        "dimension: output.resolution={x:1001}",
    )
