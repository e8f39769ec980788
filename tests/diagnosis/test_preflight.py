"""Pre-flight: each thing that it looks for, once wrong and once right; and that it costs nothing."""

from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch

import pinn
import pinn.problems
from pinn.basis.errors import UserError
from pinn.diagnosis.preflight import preflight
from pinn.domains import Annulus, Box, Disc, Time
from pinn.networks import MLP
from pinn.problem import Problem, derived
from pinn.report.points import draw_points, spread
from pinn.sampling import SobolSampler
from pinn.scaling.measuring import measure_sizes
from pinn.terms import Data, Dirichlet, Initial, Interior, Mean, Neumann, Periodic, Pin, Robin
from pinn.trial.making import make_trial

network = partial(MLP, width=6, depth=2)


class Posed(Problem):
    """A problem made of what a test is about."""

    def __init__(self, domain, terms, fields=("u",), constant=()) -> None:
        self.domain = domain
        self.fields = fields
        self.given = terms
        self.defined_up_to_constant = constant

    def terms(self):
        return self.given

    @derived
    def flux(self, u_x):
        return 2 * u_x


def looked(domain, terms, constraints="soft", **others):
    torch.manual_seed(0)
    return preflight(make_trial(Posed(domain, terms, **others), network, constraints=constraints))


def texts(found):
    """What was found, but that zero satisfies every term, as it does of many problems here."""
    return [finding.text for finding in found.findings if "satisfies every term" not in finding.text]


ROD, SQUARE = Box(x=(0, 1)) * Time(t=(0, 1)), Box(x=(0, 1), y=(0, 1))
heat = Interior(lambda u_t, u_xx: u_t - u_xx)
laplace = Interior(lambda laplacian_u: laplacian_u)
STOKES = {
    "x": Interior(lambda p_x, laplacian_u: p_x - laplacian_u),
    "y": Interior(lambda p_y, laplacian_v: p_y - laplacian_v),
    "mass": Interior(lambda u_x, v_y: u_x + v_y),
}
start, ends = Initial(u=0.0), Dirichlet(u=0.0, on=("x.min", "x.max"))


@pytest.mark.parametrize(
    ("domain", "terms", "missing"),
    [
        (ROD, {"heat": heat, "ends": ends, "start": start}, []),
        (ROD, {"heat": heat, "ends": ends}, ["u has 0 of the 1 conditions along t"]),
        (
            ROD,
            {"heat": heat, "end": Dirichlet(u=0.0, on="x.min"), "start": start},
            ["u has 1 of the 2 conditions along x"],
        ),
        (ROD, {"heat": heat, "seam": Periodic("x", ("u", "u_x")), "start": start}, []),
        (ROD, {"heat": heat, "ends": Robin(u=0.0, coefficients=(1, 1), on=("x.min", "x.max")), "start": start}, []),
        (
            ROD,
            {"wave": Interior(lambda u_tt, u_xx: u_tt - u_xx), "ends": ends, "start": start},
            ["u has 1 of the 2 conditions along t"],
        ),
        (
            ROD,
            {"flux": Interior(lambda u_t, flux_x: u_t - flux_x), "start": start},
            ["u has 0 of the 2 conditions along x"],
        ),
        (ROD, {"heat": heat, "data": Data(at={"x": [0.5], "t": [0.5]}, u=[1.0])}, []),
        (SQUARE, {"laplace": laplace, "walls": Dirichlet(u=0.0, on=SQUARE.sides)}, []),
        (
            SQUARE,
            {"laplace": laplace, "walls": Neumann(u=0.0, on=SQUARE.sides), "pin": Pin(at={"x": 0, "y": 0}, u=0.0)},
            [],
        ),
        (
            SQUARE,
            {"laplace": laplace, "walls": Dirichlet(u=0.0, on=("x.min", "x.max", "y.min"))},
            ["u has 1 of the 2 conditions along y"],
        ),
        (Disc(), {"laplace": laplace, "rim": Dirichlet(u=0.0, on="disc")}, []),
        (
            Disc(),
            {"laplace": laplace, "mean": Mean(u=0.0)},
            ["u has 1 of the 2 conditions along x", "u has 1 of the 2 conditions along y"],
        ),
        (
            Box(x=(0, 1)),
            {"decay": Interior(lambda u_x, u: u_x + u)},
            ["there is no condition at all, for derivatives of u of order 1"],
        ),
    ],
)
def test_conditions_are_counted(domain, terms, missing):
    found = texts(looked(domain, terms))
    assert len(found) == len(missing), found
    for text, expected in zip(found, missing, strict=True):
        assert text.startswith(expected)


CYLINDER = Interior(lambda r, u_t, u_r, u_rr: r * u_t - (r * u_rr + u_r))


@pytest.mark.parametrize(
    ("equation", "sides", "missing"),
    [
        (CYLINDER, ["r.max"], []),  # on the axis the smooth solution needs none
        (CYLINDER, ["r.min", "r.max"], []),
        (CYLINDER, ["r.min"], ["u has 1 of the 2 conditions along r"]),
        (CYLINDER, [], ["u has 0 of the 2 conditions along r"]),
        (Interior(lambda r, u_t, u_r, u_rr: r * u_t - ((r + 0.1) * u_rr + u_r)), ["r.max"], ["u has 1 of the 2"]),
        (Interior(lambda r, u_t, u_r, u_rr: u_t - u_rr - u_r / (r + 1e-3)), ["r.max"], ["u has 1 of the 2"]),
        (Interior(lambda r, u_t, u_r, u_rr: u_t - r * (1 - r) * u_rr), [], []),
    ],
)
def test_no_condition_is_asked_for_where_the_highest_derivative_has_no_weight(equation, sides, missing):
    terms = {"heat": equation, "start": start}
    if sides:
        terms["sides"] = Dirichlet(u=1.0, on=tuple(sides))
    found = [text for text in texts(looked(Box(r=(0, 1)) * Time(t=(0, 1)), terms)) if "conditions along" in text]
    assert len(found) == len(missing), found
    for text, expected in zip(found, missing, strict=True):
        assert text.startswith(expected)


def test_a_system_of_first_order_and_a_free_constant():
    system = {
        "flux": Interior(lambda q, u_x: q - u_x),
        "balance": Interior(lambda q_x: q_x),
        "ends": Dirichlet(u=0.0, on=("x.min", "x.max")),
    }
    assert texts(looked(Box(x=(0, 1)), system, fields=("u", "q"))) == []
    pressure = {"force": Interior(lambda p_x: p_x - 1)}
    assert texts(looked(Box(x=(0, 1)), pressure, fields=("p",), constant=("p",))) == []
    assert len(texts(looked(Box(x=(0, 1)), pressure, fields=("p",)))) == 1


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ({"walls": Dirichlet(u=0.0, v=0.0, on=("x.min", "y.min", "y.max")), "out": Dirichlet(p=0.0, on="x.max")}, 1),
        ({"walls": Dirichlet(u=0.0, v=0.0, on=SQUARE.sides[:3]), "out": Dirichlet(p=0.0, v=0.0, on="y.max")}, 0),
        ({"walls": Dirichlet(u=0.0, v=0.0, on=SQUARE.sides), "level": Pin(at={"x": 0.0, "y": 0.0}, p=0.0)}, 0),
    ],
    ids=["half an outflow", "outflow", "level"],
)
def test_no_pressure_is_asked_for_along_a_coordinate(conditions, told):
    """Stokes' equations ask for four conditions along each coordinate, all of them of velocities if one likes."""
    found = texts(looked(SQUARE, STOKES | conditions, fields=("u", "v", "p")))
    assert len(found) == told, found
    assert not any("p has" in text for text in found)


def test_a_level_that_nothing_tells():
    walls = STOKES | {"walls": Dirichlet(u=0.0, v=0.0, on=SQUARE.sides)}
    (text,) = texts(looked(SQUARE, walls, fields=("u", "v", "p")))
    assert text.startswith("p has no condition, and the equations know its derivatives alone")
    assert not texts(looked(SQUARE, walls, fields=("u", "v", "p"), constant=("p",)))


def test_corners_and_seams():
    terms = {"heat": heat, "ends": Dirichlet(u=0.5, on=("x.min", "x.max")), "start": start}
    for constraints in ("soft", "hard"):
        found = looked(ROD, terms, constraints)
        assert texts(found)[0].startswith(
            "ends and start disagree: u differs by 0.5 at x.min, t.min; no smooth solution"
        )
        assert found.passed
    assert any(text.startswith("ends stays soft: ends and start disagree") for text in texts(found))
    kinked = {"heat": heat, "seam": Periodic("x", ("u", "u_x")), "start": Initial(u=lambda x: x * (1 - x))}
    assert texts(looked(ROD, kinked))[0].startswith("start and seam disagree: u_x differs by 2 at x.min and x.max")
    ring = Annulus() * Time(t=(0, 1))
    terms = {"rim": Dirichlet(u=1.0, on=("inner", "outer")), "start": start}
    assert "rim and start disagree: u differs by 1 at inner, t.min" in texts(looked(ring, terms))[0]


def test_terms_of_very_different_size_are_named():
    terms = {"laplace": Interior(lambda laplacian_u: 1e5 * laplacian_u), "walls": Dirichlet(u=0.0, on=SQUARE.sides)}
    (text,) = texts(looked(SQUARE, terms))
    assert text.startswith("laplace is ") and "times walls in the loss at the start" in text
    assert "mind the units" in text
    assert "weights.laplace=" not in text  # sizes are measured; a weight of 1e-11 is no advice
    problem = Posed(SQUARE, terms)
    sized = preflight(make_trial(problem, network, constraints="soft"), sizes=measure_sizes(problem))
    assert [text.partition(":")[0] for text in texts(sized)] == ["sizes"]
    weighted = preflight(make_trial(Posed(SQUARE, terms), network, constraints="soft"), {"laplace": 1e-10})
    assert texts(weighted) == []


@pytest.mark.parametrize(("noise", "named"), [(1.0, True), (1e-6, False)])
def test_data_in_units_of_their_noise_are_no_reason_to_mind_units(noise, named):
    """u is seen, 1e6 in the loss either way: in its own unit (a noise of 1 is none), or over a small noise."""
    seen = Data(at={"x": [0.3], "y": [0.4]}, u=[1e6 * noise], noise=noise)
    terms = {"laplace": Interior(lambda laplacian_u: laplacian_u), "seen": seen}
    found = [text for text in texts(looked(SQUARE, terms)) if "mind the units" in text]
    assert bool(found) == named


def test_an_exact_solution_is_tried():
    class Exact(Posed):
        def exact(self, x, y):
            return x * y

    terms = {"laplace": laplace, "walls": Dirichlet(u=lambda x, y: x * y, on=SQUARE.sides), "mean": Mean(u=0.25)}
    assert texts(preflight(make_trial(Exact(SQUARE, terms), network))) == []
    terms |= {"laplace": Interior(lambda laplacian_u, u_x: laplacian_u + u_x)}
    found = preflight(make_trial(Exact(SQUARE, terms), network))
    assert not found.passed
    assert texts(found)[0].startswith("the exact solution does not satisfy laplace: off by 0.9")
    assert str(found).splitlines()[0] == "pre-flight: laplace, walls (exact), mean; 1 to look at"
    assert str(found).splitlines()[1].startswith("FAILED: ")


def test_a_condition_without_points_is_an_error():
    with pytest.raises(UserError, match="selects no points"):
        looked(ROD, {"heat": heat, "end": Dirichlet(u=0.0, on="x.min", where=lambda t: t > 2)})


@pytest.mark.parametrize("name", pinn.problems.__all__)
def test_our_own_problems_pass(name):
    """Nothing but what is known: Allen-Cahn's corner, and conditions that stay soft."""
    given = {"diffusivity": 0.02} if name == "MovingDisc" else {}  # whose exact solution has fewer images then
    problem = getattr(pinn.problems, name)(**given)
    found = preflight(make_trial(problem, network))
    assert found.passed
    others = [text for text in texts(found) if "stays soft" not in text]
    assert others == [] or (name == "AllenCahn" and len(others) == 1)


def test_training_is_the_same_with_its_numbers():
    """The pre-flight draws its own random numbers."""
    before = torch.random.get_rng_state()
    looked(SQUARE, {"laplace": laplace, "walls": Dirichlet(u=0.0, on=SQUARE.sides)})
    trial = make_trial(Posed(ROD, {"heat": heat, "ends": ends, "start": start}), network)
    after = torch.random.get_rng_state()
    preflight(trial)
    assert torch.equal(torch.random.get_rng_state(), after)
    assert not torch.equal(before, after)  # the networks did draw


PICTURES = {
    "one": (Box(x=(0, 1)), {"decay": Interior(lambda u_x: u_x), "end": Dirichlet(u=0.0, on="x.min")}),
    "two": (
        SQUARE - Disc((0.5, 0.5), 0.2),
        {"laplace": laplace, "hole": Dirichlet(u=0.0, on="disc"), "mean": Mean(u=0.0)},
    ),
    "five": (
        Annulus() * Box(z=(0, 1)) * Time(t=(0, 1)),
        {"u": Interior(lambda u: u), "in": Dirichlet(u=0.0, on="inner")},
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_of_the_points(tmp_path, name):
    from matplotlib.image import imread

    domain, terms = PICTURES[name]
    found = looked(domain, terms)
    regions = {label: group.region for label, group in found.residuals.regions.items()}
    path = draw_points(domain, regions, found.points, "A title", tmp_path / "figures" / "points.png", found.legend)
    pixels = imread(path)[..., :3]
    assert path.name == "points.png" and min(pixels.shape[:2]) > 200
    colors = {tuple(color) for color in (pixels.reshape(-1, 3) * 255).round().astype(int).tolist()}
    assert {(0x00, 0x72, 0xB2), (0x9A, 0x9A, 0x9A)} <= colors  # a side in blue, the interior in gray


def test_arrows_are_spread_evenly():
    """Of 401 points along a side, whatever their order, as many as are a quarter apart."""
    points = torch.stack([torch.linspace(0, 1, 401)[torch.randperm(401)], torch.zeros(401)], 1).numpy()
    assert sorted(points[spread(points, 0.24), 0].round(2).tolist()) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert len(spread(points[:3], 1e-9)) == 3


def test_a_run_looks_before_it_trains(tmp_path, caplog):
    terms = {"heat": heat, "ends": Dirichlet(u=0.5, on=("x.min", "x.max")), "start": start}
    with caplog.at_level("INFO", logger="pinn"):
        pinn.solve(
            Posed(ROD, terms),
            network,
            sampler=SobolSampler(interior=50, boundary=10),
            training=pinn.Training(steps=2, held_out=20),
            output=pinn.Output(resolution=5),
            folder=tmp_path,
            device="cpu",
        )
    assert "pre-flight: ends and start disagree" in caplog.text
    assert (tmp_path / "figures" / "points.png").is_file()


class Inverse(Posed):
    """u_t = rate u_xx with an unknown rate, of which u = exp(-t) sin x is the solution for rate = 1."""

    unknowns: ClassVar = {"rate": 3.0}

    def exact(self, x, t):
        return torch.exp(-t) * torch.sin(x)


def test_an_equation_with_an_unknown_is_not_compared_with_the_exact_solution():
    """Its true value is not given: the first guess would not satisfy the equation."""
    terms = {
        "heat": Interior(lambda u_t, u_xx, rate: u_t - rate * u_xx),
        "ends": Dirichlet(u=1.0, on=("x.min", "x.max")),
    }
    problem = Inverse(Box(x=(0, 1)) * Time(t=(0, 1)), terms)
    found = preflight(make_trial(problem, network, constraints="soft"))
    told = [str(finding) for finding in found.findings if finding.is_error]
    assert len(told) == 1 and "does not satisfy ends" in told[0]


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # numpy's remark on torch
def test_an_equation_that_numpy_computes_is_refused():
    terms = {"wrong": Interior(lambda u, u_x: u_x - np.sin(u))}
    with pytest.raises(UserError, match=r"np.sin met a field or coordinate.*use torch.sin"):
        looked(Box(x=(0, 1)), terms)


HOLED = SQUARE - Disc((0.5, 0.5), 0.2, name="hole")
OUTER = ("x.min", "x.max", "y.min", "y.max")


@pytest.mark.parametrize(
    ("domain", "terms", "bare"),
    [
        (HOLED, {"e": laplace, "rim": Dirichlet(u=1.0, on=OUTER)}, ["hole"]),
        (HOLED, {"e": laplace, "rim": Dirichlet(u=1.0, on=OUTER), "hole": Neumann(u=0.0, on="hole")}, []),
        (HOLED, {"e": laplace, "hole": Dirichlet(u=1.0, on="hole")}, [*OUTER]),
        (HOLED, {"e": Interior(lambda u_x, u_y: u_x + u_y), "rim": Dirichlet(u=1.0, on="x.min")}, []),
        (
            HOLED * Time(t=(0, 1)),
            {"e": Interior(lambda u_t, u_xx, u_yy: u_t - u_xx - u_yy), "s": start, "r": Dirichlet(u=1.0, on=OUTER)},
            ["hole"],
        ),
    ],
)
def test_sides_of_a_combined_domain_without_condition_are_named(domain, terms, bare):
    found = [text for text in texts(looked(domain, terms)) if "has no condition on" in text]
    assert (
        found == [f"u has no condition on {', '.join(bare)}: add one, or the solution is not the only one"][: len(bare)]
    )


def test_a_field_that_nothing_is_about_is_named():
    ends = Dirichlet(u=0.0, on=("x.min", "x.max"))
    terms = {"a": Interior(lambda u_xx: u_xx + 1), "b": Interior(lambda u_x: u_x), "ends": ends}
    (text,) = (text for text in texts(looked(Box(x=(0, 1)), terms, fields=("u", "v"))) if "v" in text.split())
    assert text == "v appears in no equation: leave it out of fields, or write what determines it"
    both = terms | {"b": Interior(lambda u_x, v: u_x + v)}
    assert not any("appears" in text for text in texts(looked(Box(x=(0, 1)), both, fields=("u", "v"))))


def momentum(u_xx):
    _ = u_xx + 1


@pytest.mark.parametrize("constraints", ["soft", "hard"])
@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"e": Interior(momentum), "ends": ends}, "^momentum returns nothing: is `return` missing\\?"),
        ({"e": heat, "ends": Dirichlet(u=lambda t: None, on="x.min")}, "returns nothing: is `return` missing"),
        ({"e": heat, "m": Mean(u=lambda t: None)}, "returns nothing: is `return` missing"),
        ({"e": Interior(lambda ut, u_xx: ut - u_xx), "ends": ends}, "'ut' in .*did you mean 'u_t'\\?"),
        ({"e": Interior(lambda fluxx: fluxx), "ends": ends}, "did you mean 'flux_x'\\?"),
        ({"e": Interior(lambda u_t, u_xx: (u_t, u_xx)), "ends": ends}, "got tuple; write each equation"),
    ],
)
def test_slips_of_the_pen_are_told_as_such(terms, told, constraints):
    with pytest.raises(UserError, match=told):
        looked(ROD, terms, constraints=constraints)
