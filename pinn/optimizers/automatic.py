"""The choice of a method, left to measurements."""

from pinn.basis.configurable import Configurable


class Automatic(Configurable):
    """Methods are tried, the cheapest first, until the estimated error of one is small: see `pinn.solving.methods`.

    Stands in the place of an optimizer; takes no steps itself.
    """
