"""What is asked of a solution, and what its balances say, of wrong fields that are known."""

from torch import where

from pinn.diagnosis.exact import exact_trial
from pinn.diagnosis.results import asked_of, imbalances, told_of, truth_of
from pinn.diagnosis.verdict import Word
from pinn.domains import Box
from pinn.functionals import Average, Balance
from pinn.problem import Problem
from pinn.solution.results import measured
from pinn.terms import Dirichlet, Interior


class Channel(Problem):
    """A channel that loses a share of its flow on the way: u = 1 - lost x."""

    def __init__(self, lost, results=None):
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v")
        self.lost, self.asked = lost, results or {}

    def terms(self):
        return {"mass": Interior(lambda u_x, v_y: u_x + v_y), "inlet": Dirichlet(u=1.0, v=0.0, on="x.min")}

    def results(self):
        return self.asked

    def exact(self, x, y):
        return {"u": 1 - self.lost * x, "v": 0 * x}


def said(problem):
    asked = asked_of(problem)
    found = {name: measured(one, exact_trial(problem)) for name, one in asked.items()}
    return list(imbalances(asked, found))


def test_a_channel_that_loses_its_flow_is_told():
    (reason,) = said(Channel(2 / 3))
    assert reason.word is Word.NOT_SOLVED
    assert reason.text == "balance of mass fails by 67 % of the largest flow (in 1, out 0.333)"
    (reason,) = said(Channel(0.03))
    assert reason.word is Word.PLAUSIBLE
    assert said(Channel(1e-3)) == []


def test_a_balance_of_the_problem_stands_for_that_of_its_equation():
    problem = Channel(0.5, {"flow": Balance(x="u", y="v")})
    assert list(asked_of(problem)) == ["flow"]
    assert [reason.text.partition(" fails")[0] for reason in said(problem)] == ["flow"]


class Plate(Channel):
    """Heat in a plate, -lap u = 0, by a field that makes heat on the way: u = -x - lost x^2 / 2 flows 1 + lost x."""

    def terms(self):
        return {"heat": Interior(lambda u_xx, u_yy: -u_xx - u_yy), "inlet": Dirichlet(u=0.0, v=0.0, on="x.min")}

    def exact(self, x, y):
        return {"u": -x - self.lost * x**2 / 2, "v": 0 * x}


def test_a_balance_of_gradients_makes_an_answer_plausible_at_worst():
    (reason,) = said(Plate(1.0))
    assert reason.text == "balance of heat fails by 50 % of the largest flow (in 1, out 2)"
    assert (reason.word, reason.action) == (Word.PLAUSIBLE, "")  # what else is wrong knows better what helps
    assert said(Plate(1e-3)) == []
    assert list(asked_of(Plate(1.0, {"own": Balance(x=lambda u_x: -u_x, y=lambda u_y: -u_y)}))) == ["own"]


def test_a_balance_that_is_no_number_is_not_told():
    asked = asked_of(Plate(1.0)) | {"own": Balance(x="u", y="v")}
    found = {name: measured(one, exact_trial(Plate(float("nan")))) for name, one in asked.items()}
    assert list(told_of(found)) == ["own"]  # which was asked for


class Referred(Problem):
    """A field of which values are known, and no derivatives."""

    def __init__(self):
        self.domain = Box(x=(0, 1), y=(0, 1))
        self.fields = ("u", "v")

    def terms(self):
        return {"mass": Interior(lambda u_x, v_y: u_x + v_y)}

    def reference(self, x, y):
        return {"u": 1 - 0.5 * x, "v": 0 * x}


def test_the_truth_of_an_exact_solution_and_of_a_reference():
    exact, reference, trial = truth_of(Channel(0.5)), truth_of(Referred()), exact_trial(Channel(0.0))
    for truth in (exact, reference):
        result = measured(Average("u"), trial, truth=truth)
        assert abs(result.number - 1.0) < 1e-12
        assert abs(result.true - 0.75) < 1e-12
    assert abs(measured(Average("u_x"), trial, truth=exact).true + 0.5) < 1e-12
    assert measured(Average("u_x"), trial, truth=reference).true is None
    assert measured(Average("u_x", reference=-0.4), trial, truth=reference).true == -0.4


def test_a_constant_that_is_free_is_no_error():
    problem = Channel(0.5)
    problem.defined_up_to_constant = ("u",)
    trial, truth = exact_trial(problem), truth_of(problem)
    assert measured(Average("u"), trial, truth=truth).true is None
    assert abs(measured(Average("u_x"), trial, truth=truth).true + 0.5) < 1e-12


class Strip(Problem):
    """-lap u = 1 in a strip of a square, of which eighty nodes across find two or three: off by up to a half."""

    def __init__(self, f):
        self.domain, self.fields, self.f = Box(x=(0, 1), y=(0, 1)), ("u",), f

    def terms(self):
        return {
            "heat": Interior(lambda x, laplacian_u: laplacian_u + self.f(x)),
            "ends": Dirichlet(u=0.0, on=self.domain.sides),
        }


def test_no_balance_is_taken_where_a_source_jumps():
    """It would fail by its quadrature; of a smooth source, or where it is asked for, it is."""
    problem = Strip(lambda x: where((x > 0.2) & (x < 0.23), 1.0, 0.0))
    assert asked_of(problem) == {}
    assert list(asked_of(Strip(lambda x: x**2))) == ["balance of heat"]
    problem.results = lambda: {"heat": Balance(x="u_x", y="u_y")}
    assert list(asked_of(problem)) == ["heat"]
