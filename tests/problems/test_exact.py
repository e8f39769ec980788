"""Every exact solution satisfies its own equations and conditions, by the derivative engines."""

import numpy as np
import pytest
import torch

import pinn.problems
from pinn.basis.errors import UserError
from pinn.diagnosis.exact import exact_trial, largest_term
from pinn.problems import (
    BackwardHeat,
    Convection,
    ElasticityPlate,
    EulerBeam,
    FokkerPlanck,
    HamiltonJacobiBellman,
    Heat,
    Heat10D,
    HeatInverse,
    Helmholtz,
    Inclusion,
    InclusionModuli,
    KleinGordon,
    Kovasznay,
    LaplaceAnnulus,
    LidDrivenCavity,
    MovingDisc,
    Poisson2D,
    Poisson5D,
    Poisson10D,
    PoissonInverse,
    PressureFromVelocity,
    Reaction,
    SpringDamper,
    Wave,
)
from pinn.residuals.residuals import Residuals
from pinn.sampling import UniformSampler
from pinn.sampling.given import DataRegion


def at_truth(problem):
    """The same with the moduli of its data for first guesses, at which its exact solution holds."""
    problem.unknowns = dict(zip(problem.unknowns, problem.moduli, strict=True))
    return problem


# The benchmark's coefficients, and others: a coefficient that is written into one place only is seen by these.
CASES = {
    "backward_heat": BackwardHeat(),
    "convection": Convection(),
    "convection, leftward": Convection(speed=-3.0),
    "elasticity_plate": ElasticityPlate(),
    "elasticity_plate, others": ElasticityPlate(first_lame=0.3, shear_modulus=2.0, load=-1.5),
    "euler_beam": EulerBeam(),
    "euler_beam, other load": EulerBeam(load=-2.5),
    "fokker_planck": FokkerPlanck(),
    "fokker_planck, others": FokkerPlanck(dimension=30, least=1.5, coupling=-0.4),
    "hamilton_jacobi_bellman": HamiltonJacobiBellman(),
    "hamilton_jacobi_bellman, 30 coordinates": HamiltonJacobiBellman(dimension=30),
    "heat": Heat(),
    "heat_10d": Heat10D(),
    "heat_10d, others": Heat10D(dimension=30, diffusivity=0.2, width=1.5),
    "heat, slow": Heat(diffusivity=0.03),
    "heat_inverse": HeatInverse(),
    "helmholtz": Helmholtz(),
    "helmholtz, others": Helmholtz(wavenumber=2.5, frequency_x=3, frequency_y=2),
    "inclusion": Inclusion(),
    "inclusion, insulating": Inclusion(conductivity=0.2, radius=0.3),
    "inclusion_moduli": at_truth(InclusionModuli()),
    "inclusion_moduli, soft": at_truth(InclusionModuli((0.2, 1.7), 0.3, poisson=0.1)),
    "klein_gordon": KleinGordon(),
    "klein_gordon, slow": KleinGordon(frequency=1.3),
    "kovasznay": Kovasznay(),
    "kovasznay, viscous": Kovasznay(reynolds=10.0),
    "laplace_annulus": LaplaceAnnulus(),
    "laplace_annulus, others": LaplaceAnnulus(inner=0.3, waves=3),
    "moving_disc": MovingDisc(),
    "moving_disc, others": MovingDisc(diffusivity=0.03, speed=0.8, radius=0.3),
    "poisson_2d": Poisson2D(),
    "poisson_2d, three waves": Poisson2D(frequency=3),
    "poisson_5d": Poisson5D(),
    "poisson_10d": Poisson10D(),
    "poisson_10d, others": Poisson10D(dimension=30, seed=3),
    "poisson_inverse": PoissonInverse(),
    "pressure_from_velocity": PressureFromVelocity(),
    "pressure_from_velocity, viscous": PressureFromVelocity(reynolds=10.0),
    "reaction": Reaction(),
    "reaction, wide": Reaction(rate=2.0, width=1.5),
    "wave": Wave(),
    "wave, others": Wave(speed=0.7, amplitude=-1.1),
}


def test_no_exact_solution_is_left_out():
    exact = {cls for cls in map(vars(pinn.problems).get, pinn.problems.__all__) if hasattr(cls, "exact")}
    exact.remove(SpringDamper)  # whose unknowns start elsewhere
    assert {type(problem) for problem in CASES.values()} == exact


@pytest.mark.parametrize("engine", ["taylor", "reverse"])
@pytest.mark.parametrize("case", CASES)
def test_the_exact_solution_satisfies_every_term(case, engine, generator):
    """|r| < 1e-10 times the largest term, which is measured inside: on a boundary all terms may vanish."""
    problem = CASES[case]
    trial = exact_trial(problem, engine)
    sampler, parameters = UniformSampler(interior=200, boundary=50), trial.parameters()
    inside = sampler.draw(problem.domain, Residuals(trial).regions["interior"].region, generator).x
    for group in Residuals(trial).regions.values():
        if isinstance(group.region, DataRegion):  # noisy, and how smooth a field is
            continue
        points = sampler.draw(problem.domain, group.region, generator)
        residuals = trial.evaluate_with(group.request, points.x, parameters, points.normal)
        at_inside = trial.evaluate_with(group.request, inside, parameters, torch.ones_like(inside))
        for block in group.blocks:
            function, names = block.equation.function, block.equation.arguments
            fixed = {name: at_inside[name] for name in names if name in problem.coordinates}
            free = [name for name in names if name not in fixed]

            def of_fields(*values, function=function, names=names, free=free, fixed=fixed):
                given = fixed | dict(zip(free, values, strict=True))
                return function(*(given[name] for name in names))

            scale = largest_term(of_fields, [at_inside[name] for name in free])
            r = function(*(residuals[name] for name in names))
            assert float(r.abs().max()) < 1e-10 * scale, block.name


def test_the_mean_of_the_pressure_is_zero():
    """Gauss-Legendre with 20 nodes integrates exp(2 l x) over 1.5 to rounding; y does not enter."""
    (left, right), _ = Kovasznay().domain.bounds.values()
    nodes, weights = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(20))
    x = left + (right - left) * (nodes + 1) / 2
    assert abs(float(weights @ Kovasznay().exact(x, 0 * x)["p"])) < 1e-13


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Heat(0.0), "diffusivity must be > 0 and finite, got 0.0"),
        (lambda: Wave(speed=-1.0), "speed must be > 0 and finite, got -1.0"),
        (lambda: Convection(float("inf")), "speed must be finite, got inf"),
        (lambda: Reaction(width=0.0), "width must be > 0 and finite, got 0.0"),
        (lambda: Kovasznay(float("nan")), "reynolds must be > 0 and finite, got nan"),
        (lambda: LidDrivenCavity(reynolds=1000.0), r"reynolds must be in \(0, 400\], got 1000.0"),
        (lambda: KleinGordon(-1.0), "frequency must be >= 0 and finite, got -1.0"),
        (lambda: ElasticityPlate(shear_modulus=0.0), "shear_modulus must be > 0 and finite, got 0.0"),
        (lambda: ElasticityPlate(first_lame=-1.0), "first_lame must be > -2/3 shear_modulus and finite, got -1.0"),
        (lambda: EulerBeam(float("nan")), "load must be finite, got nan"),
        (lambda: Poisson2D(frequency=1.5), "frequency must be whole and >= 1, got 1.5"),
        (lambda: Helmholtz(frequency_y=0), "frequency_y must be whole and >= 1, got 0"),
    ],
)
def test_coefficients_out_of_range_are_refused(build, message):
    with pytest.raises(UserError, match=message):
        build()
