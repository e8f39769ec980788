"""What is wrong and what to try: checks before a run, and the verdict after it."""

from pinn.diagnosis.derivatives import check_derivatives
from pinn.diagnosis.findings import Comparison, DerivativeCheck
from pinn.diagnosis.preflight import Finding, Preflight, preflight
from pinn.diagnosis.spectrum import Spectrum, jacobian_spectrum
from pinn.diagnosis.verdict import findings, verdict

__all__ = [
    "Comparison",
    "DerivativeCheck",
    "Finding",
    "Preflight",
    "Spectrum",
    "check_derivatives",
    "findings",
    "jacobian_spectrum",
    "preflight",
    "verdict",
]
