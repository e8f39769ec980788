"""Domains: where a problem is posed."""

from pinn.domains.base import Domain, Draw
from pinn.domains.box import Box, SpaceTime, Time

__all__ = ["Box", "Domain", "Draw", "SpaceTime", "Time"]
