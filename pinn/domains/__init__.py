"""Domains: where a problem is posed."""

from pinn.domains.base import Domain, Draw
from pinn.domains.box import Box, SpaceTime, Time
from pinn.domains.region import Region

__all__ = ["Box", "Domain", "Draw", "Region", "SpaceTime", "Time"]
