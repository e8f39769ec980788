"""What the measurements of a run say about it."""

from pinn.diagnosis.verdict import Determined, Posedness, Reason, Word, verdict, verdict_of
from pinn.solution_file.measured import ErrorEstimate

DOMINATED = {"held_out": 1.0, "held_out/a": 0.95, "held_out/b": 0.05, "loss/a": 0.95, "loss/b": 0.05}
OVERFITTED = {"held_out": 1.0, "held_out/a": 1.0, "loss/a": 0.01}
SMALL = ErrorEstimate({"u": 1e-9}, left=0.01)


def test_a_term_that_dominates_is_named_unless_a_fit_has_settled():
    found = verdict(DOMINATED)
    assert found.reasons == ("a: 95 % of the held-out loss, 95 % of the loss",)
    assert found.action == "a larger weights.a"
    assert verdict(DOMINATED | {"settled": 0.0}) == found
    assert "no overfitting seen" in verdict(DOMINATED | {"settled": 1.0}).reasons[0]


def test_overfitting_is_noticed_with_what_helps():
    found = verdict(OVERFITTED)
    assert found.reasons == ("a: the residual on fresh points is 100.0 times the training points'",)
    assert found.word is Word.PLAUSIBLE
    assert found.action.endswith("or a smaller sampler.redraw_every")
    assert verdict(OVERFITTED | {"settled": 1.0}).action.endswith("or a smaller network.width")


def test_a_run_that_did_not_get_there_is_told_first():
    found = verdict(OVERFITTED | {"imbalance/a": 0.4, "imbalance/b": 1e-6})
    assert found.word is Word.NOT_SOLVED
    assert found.reasons[0] == "a: the residual on fresh points is 40 % of the equation's largest term"
    assert len(found.reasons) == 2
    assert found.lines[0].startswith("not solved: a: the residual")
    assert found.lines[-1] == f"try {found.action}"
    assert verdict(DOMINATED | {"imbalance/a": 2e-6}).reasons[1:] == ("2e-06 of the equation's largest term is left",)


def test_a_fit_that_does_not_suit_the_problem_is_told():
    """As least squares of random features for a nonlinear problem that its Newton steps do not solve."""
    left = {"held_out/a": 1.0, "loss/a": 1.0, "imbalance/a": 0.01}
    found, size = verdict(left | {"settled": 1.0}).reasons
    assert found == "a: the fit has its least loss, which does not solve the equation"
    assert size == "0.01 of the equation's largest term is left"
    assert "no overfitting seen" in verdict(left).reasons[0]
    noisy = ErrorEstimate({"u": 0.01}, 0.0, way=ErrorEstimate.NOISE)  # bends the equation a little
    assert not any("least loss" in reason for reason in verdict(left | {"settled": 1.0}, estimate=noisy).reasons)
    assert "no overfitting seen" in verdict(left | {"settled": 1.0, "imbalance/a": 1e-9}).reasons[0]


def test_the_zero_solution_is_no_solution():
    """As of u_t = u (1 - u), where only the start asks for more than u = 0."""
    found = verdict(
        {"held_out/growth": 0.0, "held_out/start": 0.1, "loss/growth": 0.0, "loss/start": 0.1, "settled": 1.0}
    )
    assert found.word is Word.NOT_SOLVED
    assert found.reasons[0].startswith("the solution found is zero: growth hold because every term vanishes")
    good = verdict({"held_out/growth": 1e-9, "held_out/start": 1e-9, "loss/growth": 1e-9, "loss/start": 1e-9})
    assert "no overfitting seen" in good.reasons[0]


def test_data_are_judged_by_their_noise():
    learnt = {"held_out/a": 0.1, "held_out/data": 0.9, "loss/a": 0.1, "loss/data": 0.9, "imbalance/a": 0.01}
    found = verdict(learnt | {"noise/data": 0.2})
    assert found.word is Word.NOT_SOLVED
    assert found.reasons[0] == "data: the misfit is 0.2 of the noise, which is learnt with the data"
    assert found.action.startswith("weights.a=1e4")
    assert "data: the misfit is 0.95 of the noise, as it should be" in verdict(learnt | {"noise/data": 0.95}).reasons
    assert verdict(learnt | {"noise/data": 3.0}).action.startswith("a larger weights.data")


def test_a_dominant_term_that_is_solved_is_no_fault():
    assert "no overfitting seen" in verdict(DOMINATED | {"imbalance/a": 1e-9}).reasons[0]


def test_one_of_many_solutions_is_ill_posed():
    found = verdict({"held_out/a": 1.0, "loss/a": 1.0}, missing=["u has 0 of the 1 conditions along t"])
    assert found.word is Word.ILL_POSED
    assert found.reasons[0] == "one of many solutions: u has 0 of the 1 conditions along t"


def test_the_estimate_decides_where_there_is_one():
    fine = {"held_out/a": 1.0, "loss/a": 1.0, "imbalance/a": 0.4}
    assert verdict(fine).word is Word.NOT_SOLVED
    assert verdict(fine, estimate=ErrorEstimate({"u": 1e-5}, left=0.01)).word is Word.TRUSTED
    wrong = verdict(fine | {"imbalance/a": 1e-9}, estimate=ErrorEstimate({"u": 0.1, "v": 0.3}, left=0.01))
    assert wrong.lines[0] == "not solved: the estimated error of v is 30 %"
    unresolved = verdict({}, estimate=ErrorEstimate({"u": 1e-4, "v": 2e-4}, left=0.9))
    told = "the error of v is 0.0002 or more: a lower bound, as the correction leaves 90 % of the residual"
    assert unresolved.lines[0] == f"plausible: {told}"
    assert "front" not in " ".join(unresolved.lines)  # which is told where the residual is seen to sit in one place
    assert verdict({}, estimate=ErrorEstimate({"u": 0.03}, left=0.1)).word is Word.PLAUSIBLE
    assert "40 % or more" in verdict({}, estimate=ErrorEstimate({"u": 0.4}, left=0.9)).reasons[0]


def test_a_small_estimate_needs_no_advice():
    assert verdict(DOMINATED, estimate=SMALL).action == ""
    rounding = ErrorEstimate({"u": 1e-14}, left=0.99)
    assert verdict(OVERFITTED, estimate=rounding).word is Word.TRUSTED


def test_an_unresolved_error_of_some_size_is_not_solved():
    """Fronts and kinks that the estimate does not see were off by 50 times the lower bound and more."""
    assert verdict({}, estimate=ErrorEstimate({"u": 8e-3}, left=0.9)).word is Word.NOT_SOLVED
    assert verdict({}, estimate=ErrorEstimate({"u": 8e-3}, left=0.1)).word is Word.TRUSTED


def test_every_condition_is_judged_by_its_own_size():
    posed = Posedness(missed={"a": 1e-9, "start.p": 0.096, "start.u": 0.02})
    found = verdict({"imbalance/a": 1e-3}, estimate=SMALL, posed=posed)
    assert found.word is Word.NOT_SOLVED
    assert found.reasons[:2] == ("start.p is missed by 9.6 % of its size", "start.u is missed by 2 % of its size")
    assert found.action == "weights.start.p=100"
    assert verdict({"noise/seen": 1.0}, posed=Posedness(missed={"seen": 0.4})).word is not Word.NOT_SOLVED


def test_an_equation_of_one_term_is_measured_by_what_smooth_fields_make_of_it():
    assert verdict({"imbalance/a": 1.0}).word is Word.NOT_SOLVED
    found = verdict({"imbalance/a": 1.0}, posed=Posedness(missed={"a": 1e-9}))
    assert found.reasons == ("1e-09 of the equation's largest term is left",)


def test_what_is_ill_posed_is_told_by_looking_rather_than_by_counting():
    posed = Posedness(free=("k", "c"))
    found = verdict({}, missing=["u has 0 of the 1 conditions along t"], posed=posed)
    assert found.word is Word.ILL_POSED
    assert found.reasons[0].startswith("one of many solutions: k, c can change without any residual")
    assert verdict({}, missing=["u has 0 of the 1 conditions along t"], posed=Posedness()).reasons == (
        "nothing was measured",
    )
    assert verdict({}, posed=Posedness(contradictory=("walls",))).word is Word.ILL_POSED
    assert verdict({}, posed=Posedness(homogeneous=True)).word is Word.ILL_POSED


def test_a_reference_that_does_not_solve_the_equations_is_told():
    found = verdict({"error/u": 1.2}, estimate=SMALL)
    assert found.word is Word.NOT_SOLVED
    assert found.reasons[0].endswith("120 % off the reference: equation and reference contradict each other")
    assert verdict({"error/u": 0.08}, estimate=ErrorEstimate({"u": 0.04}, left=0.1)).word is Word.PLAUSIBLE


def test_the_worst_reason_decides_and_gives_the_action():
    seen = [Reason("a remark", Word.PLAUSIBLE, "this"), Reason("a fault", Word.NOT_SOLVED, "that")]
    found = verdict({}, estimate=SMALL, seen=seen)
    assert (found.word, found.reasons[:2], found.action) == (Word.NOT_SOLVED, ("a fault", "a remark"), "that")
    assert not found.word.is_good


def test_what_a_file_stores_is_the_verdict_again():
    found = verdict(OVERFITTED | {"imbalance/a": 0.4})
    assert verdict_of(found.attributes, {}) == found
    assert verdict_of({}, OVERFITTED) == verdict(OVERFITTED)
    assert verdict_of(SMALL.attributes, {}) == verdict({}, estimate=SMALL)


def test_nothing_measured_is_nothing_to_trust():
    found = verdict_of({}, {})
    assert (found.word, found.reasons) == (Word.NOT_SOLVED, ("nothing was measured",))
    assert "output.estimate=true" in found.action


def test_a_residual_that_the_estimate_explains_contradicts_nothing():
    posed = Posedness(contradictory=("walls",))
    assert verdict({}, posed=posed, estimate=ErrorEstimate({"u": 0.9}, left=0.1)).word is Word.NOT_SOLVED
    found = verdict({}, posed=posed, estimate=ErrorEstimate({"u": 0.9}, left=0.9))
    assert (found.word, found.action) == (Word.ILL_POSED, "without one of the terms that contradict each other")


def test_causes_are_told_where_a_problem_is_not_solved_before_what_follows_from_them():
    cause = Reason("u is large", Word.NOT_SOLVED, "scales")
    posed = Posedness(missed={"start": 0.5})
    bad = verdict({}, estimate=ErrorEstimate({"u": 0.9}, left=0.1), posed=posed, causes=[cause])
    assert bad.reasons == ("u is large", "start is missed by 50 % of its size", "the estimated error of u is 90 %")
    assert bad.action == "scales"
    assert "u is large" not in verdict({}, estimate=SMALL, causes=[cause]).reasons
    learnt = verdict(OVERFITTED, estimate=ErrorEstimate({"u": 0.9}, left=0.1), causes=[cause])
    assert learnt.action.startswith("more points")


def test_short_numbers_are_why_it_is_not_solved_where_it_is_not():
    short = Reason("single precision is the floor of the residual", action="dtype=float64")
    bad = verdict({}, estimate=ErrorEstimate({"u": 0.9}, left=0.1), seen=[short])
    assert bad.lines[0] == f"not solved: {short.text}"
    good = verdict({}, estimate=SMALL, seen=[short])
    assert (good.word, good.reasons[1], good.action) == (Word.TRUSTED, short.text, short.action)


def test_what_is_left_of_noisy_data_is_their_noise():
    """Where they are met as well as it allows and the equation holds; else the equation gives way."""
    noisy = {"noise/seen": 0.9, "imbalance/a": 1e-4}
    unresolved = ErrorEstimate({"u": 8e-3}, left=0.99)
    found = verdict(noisy, estimate=unresolved, posed=Posedness(spread={"u": 0.03}))
    assert (found.word, found.reasons[0]) == (Word.PLAUSIBLE, "the noise of the data leaves 3 % of u open")
    assert verdict(noisy, estimate=unresolved, posed=Posedness(spread={"u": 0.5})).word is Word.NOT_SOLVED
    bent = verdict(noisy | {"imbalance/a": 0.1}, estimate=unresolved, posed=Posedness(spread={"u": 0.03}))
    assert bent.reasons[0] == "the equations give way to the noise of seen"
    assert bent.action.startswith("weights.a=1e4")


def test_an_unknown_below_its_standard_error_is_not_determined():
    known, hidden = Determined("k", 2.0, 0.1, 2.0), Determined("c", 0.1, 3.0, 1.0)
    found = verdict({}, estimate=SMALL, posed=Posedness(unknowns=(known, hidden)))
    assert found.lines[0] == "ill-posed: unknown c is not determined by the data (c = 0 ± 3)"
    assert "k = 2.00 ± 0.10, by the noise of the data" in found.reasons


def test_a_solution_far_below_what_is_asked_is_next_to_zero():
    found = verdict({}, posed=Posedness(missed={"start": 1.2}, faint=("start",)))
    assert found.reasons == (
        "the solution found is next to zero: start does not hold",
        "start is missed by more than its size",
    )
    assert "many times its size" in verdict({}, estimate=ErrorEstimate({"u": 4e5}, left=0.1)).reasons[0]


def test_points_that_are_learnt_blindly_are_not_solved_whatever_the_estimate():
    """As by features at a corner, off by 12 % where the correction saw 0.07 %."""
    learnt = {"held_out/a": 1.0, "loss/a": 1e-8, "imbalance/a": 0.03}
    found = verdict(learnt, estimate=ErrorEstimate({"u": 7e-4}, left=0.03))
    assert (found.word, found.action[:11]) == (Word.NOT_SOLVED, "more points")
    assert (
        verdict(learnt | {"imbalance/a": 1e-4}, estimate=ErrorEstimate({"u": 7e-4}, left=0.03)).word is Word.PLAUSIBLE
    )
