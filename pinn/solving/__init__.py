"""From a problem to its solution."""

from pinn.solving.device import DTYPES, choose_device, choose_devices, choose_dtype
from pinn.solving.run import solve
from pinn.solving.writing import write

__all__ = ["DTYPES", "choose_device", "choose_devices", "choose_dtype", "solve", "write"]
