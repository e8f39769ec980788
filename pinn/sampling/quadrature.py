"""Quadrature rules of the integrals in equations."""

from pinn.basis.errors import require
from pinn.domains.base import Domain
from pinn.domains.box import Box
from pinn.domains.rules import Rule, joined


def rule(space: Domain, sides: tuple[str, ...], count: int, *, alike: bool = False) -> Rule:
    """Some `count` nodes in a domain of space, or on each of its sides; see `Domain.quadrature`.

    alike: as many wherever the domain's parts are, by equal weights where they may move.
    """
    if alike and not space.is_box:
        own = [space.boundary_rule(side, count) for side in sides]
        return joined(own) if own else space.interior_rule(count)
    return joined([space.side_quadrature(side, count) for side in sides]) if sides else space.quadrature(count)


def space_at(domain: Domain, time: float | None) -> Domain:
    """The domain's space at an instant; raises UserError where it depends on parameters."""
    if domain.is_box:
        return Box(**{name: domain.bounds[name] for name in domain.space_coordinates})
    parameters = ", ".join(domain.parameters)
    require(not parameters, f"integrals over domains with parameters ({parameters}) are known for boxes only")
    return domain if time is None else domain.at(time)
