"""Formulas in docstrings as MathML: what is read, how, and what is left as text."""

import re
from xml.etree import ElementTree

import pytest

from pinn import problems
from pinn.problem import Problem
from pinn.report.typeset import formula, items, statement, typeset_line


def read(text):
    """A formula's markup with its tags shortened: fractions (a)/(b), powers a^(b), indices a_(b)."""
    found = formula(text)
    return None if found is None else shown(ElementTree.fromstring(str(found)))


def shown(node):
    parts = [shown(child) for child in node]
    if node.tag == "mfrac":
        return f"({parts[0]})/({parts[1]})"
    if node.tag in ("msup", "msub", "munder"):
        return f"{parts[0]}{'^' if node.tag == 'msup' else '_'}({parts[1]})"
    if node.tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    return "".join(parts) if parts else (node.text or "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u_t + u u_x = nu u_xx", "u_(t)+uu_(x)=νu_(xx)"),
        ("-lap u = 2 (k pi)^2 sin(k pi x)", "−Δu=2(kπ)^(2)sin\u2061(kπx)"),
        ("u'(0) = 1e-4", "u′(0)=10^(−4)"),
        ("u = 1 - 2.5e3 x", "u=1−2.5·10^(3)x"),
        # a slash divides what stands before it in the product by the next factor alone, as Python reads it
        ("v = l / (2 pi) e^(l x)", "v=(l)/(2π)e^(lx)"),
        ("c r / (2 nu) < 1", "(cr)/(2ν)<1"),
        ("-x^4/24 + x^3/6 > 0", "−(x^(4))/(24)+(x^(3))/(6)>0"),
        ("y = x - 2 sqrt(nu t) s", "y=x−2sqrt(νt)s"),
        ("u = exp(-kappa pi^2 t)", "u=exp\u2061(−κπ^(2)t)"),
        ("s (1 - x) = u(x, 0)", "s(1−x)=u(x,0)"),
        ("u = sum_i cos(pi x_i)", "u=∑_(i)cos\u2061(πx_(i))"),
        ("for x in [-1, 1], t in [0, 1]", "\u00a0for\u00a0x∈[−1,1],t∈[0,1]"),
        ("x, y in [0, 1] x [0, 1]", "x,y∈[0,1]×[0,1]"),
        ("K0(c r) = 0", "K_(0)(cr)=0"),
        ("|x - c| <= r", "|x−c|≤r"),
    ],
)
def test_a_formula_is_read(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    "text", ["u = (1 - x", "u = x)", "u = 3 +", "u == v", "u = velocity", "u = x.y", "^2 = 4", "a = "]
)
def test_what_is_no_formula_is_not_read(text):
    assert formula(text) is None


def test_text_stays_text_and_is_escaped():
    line = str(typeset_line("Conditions  u = 0 at the <walls>,  u = f(velocity) \\ 2,  no slip & no flow."))
    assert "&lt;walls&gt;" in line and "no slip &amp; no flow." in line
    assert "<code>u = f(velocity) \\ 2,</code>" in line
    assert read("u = 0") == "u=0" and line.count("<math") == 1  # of `u = 0`, before the words that follow it


def test_a_statement_has_name_equation_and_lines():
    told = statement(
        "Heat equation  u_t = kappa u_xx  for x in [0, 1].\n\nConditions  u = 0 at x = 0,\nwhere it is cold.\n"
        "kappa: diffusivity, > 0.\nExact: u = 0."
    )
    assert told.name == "Heat equation"
    assert told.equation.startswith('<math display="block">')
    starts = ("Conditions <math", "<b>kappa:</b> diffusivity", "<b>Exact:</b> <math")
    assert all(str(line).startswith(start) for start, line in zip(starts, told.lines, strict=True))
    assert "where it is cold" in told.lines[0]  # a wrapped line belongs to the one before


def test_a_docstring_may_be_a_line_or_nothing():
    assert statement("Something of one's own.").name == "Something of one's own"
    assert items("") == [""]
    assert statement("").lines == ()


@pytest.mark.parametrize("name", problems.__all__)
def test_the_equation_of_every_problem_is_typeset(name):
    cls = getattr(problems, name)
    if not (isinstance(cls, type) and issubclass(cls, Problem)):
        pytest.skip("no problem")
    told = statement(cls.statement.fget(object.__new__(cls)))
    blocks = [told.equation, *told.lines[:1]]  # a flow's equations have a paragraph of their own
    assert any('display="block"' in text for text in blocks)
    for math in re.findall(r"<math.*?</math>", "".join(map(str, [told.equation, *told.lines])), flags=re.S):
        ElementTree.fromstring(math)  # well formed
