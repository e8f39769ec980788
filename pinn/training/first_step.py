"""What is said where training cannot begin."""

from torch import Tensor

from pinn.basis.errors import UserError
from pinn.residuals.residuals import Residuals
from pinn.sampling.points import PointSet


def explain_first_step(residuals: Residuals, points: PointSet, theta: Tensor) -> None:
    """A loss that is not finite at the first step is the equation's fault: raise UserError that says where."""
    parameters = residuals.unflatten(theta)
    for label, group in residuals.regions.items():
        own = points[label]
        values = residuals.region_values(group, own, parameters)
        for block, value in zip(group.blocks, values, strict=True):
            bad = ~value.detach().isfinite()
            if bool(bad.any()):
                x = own.x[: len(own)][bad][0].tolist()
                names = residuals.trial.problem.coordinates
                place = ", ".join(f"{name} = {at:.4g}" for name, at in zip(names, x, strict=True))
                raise UserError(
                    f"the residual {block.equation.name} is {float(value.detach()[bad][0])} at the first step, at "
                    f"{place} ({int(bad.sum())} of {len(own)} points); check its formula there"
                )
