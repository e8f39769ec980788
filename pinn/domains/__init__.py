"""Domains: where a problem is posed."""

from pinn.domains.ball import Annulus, Ball, Disc, Shell
from pinn.domains.base import Domain, Shape, operations
from pinn.domains.box import Box, Parameters, Time
from pinn.domains.charts import Chart, Draw, Estimate
from pinn.domains.cloud import PointCloud
from pinn.domains.combinations import Difference, Intersection, Named, Union
from pinn.domains.curves import ClosedCurve, Curve, Ellipse, StarShaped
from pinn.domains.mapped import Mapped
from pinn.domains.mesh import Mesh
from pinn.domains.mesh_file import MeshFile
from pinn.domains.meshing import delaunay_mesh
from pinn.domains.motion import Moving
from pinn.domains.placement import Placement
from pinn.domains.polygon import Polygon
from pinn.domains.product import Product
from pinn.domains.quadrature import interior_quadrature, side_quadrature
from pinn.domains.region import Region
from pinn.domains.rules import Rule
from pinn.domains.simplices import Simplex
from pinn.domains.solid import STL, Solid

operations.update(
    {
        "|": Union,
        "&": Intersection,
        "-": Difference,
        "*": Product,
        "named": Named,
        "placed": Placement,
        "moving": Moving,
        "quadrature": interior_quadrature,
        "side quadrature": side_quadrature,
        "mesh": delaunay_mesh,
    }
)

__all__ = [
    "STL",
    "Annulus",
    "Ball",
    "Box",
    "Chart",
    "ClosedCurve",
    "Curve",
    "Difference",
    "Disc",
    "Domain",
    "Draw",
    "Ellipse",
    "Estimate",
    "Intersection",
    "Mapped",
    "Mesh",
    "MeshFile",
    "Moving",
    "Named",
    "Parameters",
    "Placement",
    "PointCloud",
    "Polygon",
    "Product",
    "Region",
    "Rule",
    "Shape",
    "Shell",
    "Simplex",
    "Solid",
    "StarShaped",
    "Time",
    "Union",
]
