"""Solutions in the formats of other programs."""

from pinn.solution.export.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
