"""What a verdict says of an unknown that is an eigenvalue."""

from types import SimpleNamespace

import pytest

from pinn.diagnosis.eigenvalues import is_multiple, of_eigenvalue
from pinn.diagnosis.verdict import Word
from pinn.terms import Eigenvalue

KNOWN = (0.5, 1.5, 1.5000001, 2.5)


def said(value, wanted, asked=1.0):
    problem = SimpleNamespace(unknowns={"E": asked})
    return [(reason.word, reason.text) for reason in of_eigenvalue(problem, {"E": value}, KNOWN, wanted)]


def test_the_one_that_is_asked_for_is_no_reason():
    assert said(0.500001, 0.5) == []


def test_another_one_is_not_solved():
    ((word, text),) = said(1.5, 0.5)
    assert word is Word.NOT_SOLVED
    assert "E = 1.5 is not the eigenvalue that is asked for, 0.5" in text


def test_a_number_that_was_not_counted_is_not_solved():
    ((word, text),) = said(1.5, None, Eigenvalue(number=2))
    assert word is Word.NOT_SOLVED
    assert "number 2 is asked for" in text
    assert said(1.5, None) == []


def test_a_multiple_one_is_told():
    ((word, text),) = said(1.5, 1.5)
    assert word is Word.PLAUSIBLE
    assert "of 2 functions" in text
    assert is_multiple(KNOWN, 1.5)
    assert not is_multiple(KNOWN, 0.5)


@pytest.mark.parametrize("known", [(), (0.0,)])
def test_one_alone_has_no_neighbor(known):
    problem = SimpleNamespace(unknowns={"E": 0.0})
    assert list(of_eigenvalue(problem, {"E": 0.0}, known, 0.0)) == []
