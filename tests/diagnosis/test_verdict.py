"""What the measurements of a run say about it."""

from pinn.diagnosis.verdict import verdict
from pinn.solution_file.measured import ErrorEstimate

DOMINATED = {"held_out": 1.0, "held_out/a": 0.95, "held_out/b": 0.05, "loss/a": 0.95, "loss/b": 0.05}
OVERFITTED = {"held_out": 1.0, "held_out/a": 1.0, "loss/a": 0.01}


def test_a_term_that_dominates_is_named_unless_a_fit_has_settled():
    assert verdict(DOMINATED) == ["a: 95 % of the held-out residual, 95 % of the loss: raise weights.a"]
    assert verdict(DOMINATED | {"settled": 0.0}) == verdict(DOMINATED)
    (good,) = verdict(DOMINATED | {"settled": 1.0})
    assert "no overfitting seen" in good


def test_overfitting_is_noticed_with_what_helps():
    (found,) = verdict(OVERFITTED)
    assert found.startswith("a: the residual on fresh points is 100.0 times the training points'")
    assert found.endswith("or a smaller sampler.redraw_every")
    (found,) = verdict(OVERFITTED | {"settled": 1.0})
    assert found.endswith("or a smaller network.width")


def test_a_run_that_did_not_get_there_is_told_first():
    found = verdict(OVERFITTED | {"imbalance/a": 0.4, "imbalance/b": 1e-6})
    assert found[0].startswith("a: not solved: the residual on fresh points is 40 % of the equation's largest term")
    assert len(found) == 2
    assert verdict(DOMINATED | {"imbalance/a": 2e-6})[1:] == ["2e-06 of the equation's largest term is left"]
    (good,) = verdict({"held_out/a": 1.0, "loss/a": 1.0, "imbalance/a": 2e-6})
    assert good.endswith("no overfitting seen; 2e-06 of the equation's largest term is left")


def test_a_fit_that_does_not_suit_the_problem_is_told():
    """As least squares of random features for a nonlinear problem that its Newton steps do not solve."""
    left = {"held_out/a": 1.0, "loss/a": 1.0, "imbalance/a": 0.01}
    found, size = verdict(left | {"settled": 1.0})
    assert found.startswith("a: the fit has its least loss, which does not solve the equation: try")
    assert size == "0.01 of the equation's largest term is left"
    assert "no overfitting seen" in verdict(left)[0]
    assert "no overfitting seen" in verdict(left | {"settled": 1.0, "imbalance/a": 1e-9})[0]


def test_the_zero_solution_is_no_solution():
    """As of u_t = u (1 - u), where only the start asks for more than u = 0."""
    found = verdict(
        {"held_out/growth": 0.0, "held_out/start": 0.1, "loss/growth": 0.0, "loss/start": 0.1, "settled": 1.0}
    )
    assert found[0].startswith("the solution found is zero: growth hold because every term vanishes, start does not")
    (good,) = verdict({"held_out/growth": 1e-9, "held_out/start": 1e-9, "loss/growth": 1e-9, "loss/start": 1e-9})
    assert "no overfitting seen" in good


def test_data_are_judged_by_their_noise():
    learnt = {"held_out/a": 0.1, "held_out/data": 0.9, "loss/a": 0.1, "loss/data": 0.9, "imbalance/a": 0.01}
    found = verdict(learnt | {"noise/data": 0.2})
    assert found[0].startswith("data: the misfit is 0.2 of the noise, which is learnt with the data")
    assert found[0].endswith("weights.a=1e4")
    found = verdict(learnt | {"noise/data": 0.95})
    assert found[0] == "data: the misfit is 0.95 of the noise, as it should be"
    assert not any("raise weights" in text for text in found)
    assert any("raise weights.data" in text for text in verdict(learnt | {"noise/data": 3.0}))


def test_a_dominant_equation_that_is_solved_is_no_finding():
    (found,) = verdict(DOMINATED | {"imbalance/a": 1e-9})
    assert "no overfitting seen" in found


def test_one_of_many_solutions_is_told_first():
    found = verdict({"held_out/a": 1.0, "loss/a": 1.0}, missing=["u has 0 of the 1 conditions along t"])
    assert found[0] == "one of many solutions: u has 0 of the 1 conditions along t"


UNEXPLAINED = ErrorEstimate({"u": 1e-3, "v": 2e-3}, left=0.9)


def test_the_estimated_error_decides():
    """The largest field's; a residual near the equation's largest term is no fault where the error is small."""
    fine = {"held_out/a": 1.0, "loss/a": 1.0, "imbalance/a": 1.0}
    assert "not solved" in verdict(fine)[0]
    assert not any("not solved" in text for text in verdict(fine, estimate=ErrorEstimate({"u": 1e-5}, left=0.01)))
    wrong = verdict(fine | {"imbalance/a": 1e-9}, estimate=ErrorEstimate({"u": 0.1, "v": 0.3}, left=0.01))
    assert wrong[0].startswith("not solved: the estimated error of v is 30 %: train longer")
    assert verdict({}, estimate=UNEXPLAINED)[0].startswith("plausible at most: the error of v is 0.002 or more")
    bound = verdict({}, estimate=ErrorEstimate({"u": 0.4}, left=0.9))
    assert bound[0].startswith("not solved: the estimated error of u is 40 % or more")


def test_what_is_solved_to_many_digits_gets_no_advice():
    assert len(verdict(DOMINATED)) == 1
    (good,) = verdict(DOMINATED, estimate=ErrorEstimate({"u": 1e-9}, left=0.01))
    assert "no overfitting seen" in good
    rounding = ErrorEstimate({"u": 1e-14}, left=1.0)
    assert rounding.is_resolved
    assert "no overfitting seen" in verdict(OVERFITTED, estimate=rounding)[0]
