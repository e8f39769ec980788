"""Solutions: evaluation, errors, the solution file as other programs read it, and loading."""



from pinn.derivatives.jets import Jet  # noqa: F401 - the ansatz below runs on jets as well
from pinn.solution import Output

SMALL = Output(resolution={"x": 17, "t": 6})
