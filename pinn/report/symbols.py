"""What the names in a formula mean."""

from html.entities import name2codepoint

GREEK = {name: chr(code) for name, code in name2codepoint.items() if "α" <= chr(code) <= "ω"} | {"eps": "ε"}

FUNCTIONS = {
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "sech",
    "exp",
    "log",
    "sqrt",
    "abs",
    "min",
    "max",
    "Re",
    "Im",
    "det",
    "const",
}
OPERATORS = {"lap": "Δ", "grad": "∇", "div": "∇·", "curl": "∇×", "sum": "∑"}
RELATIONS = {"=": "=", "<": "&lt;", ">": "&gt;", "<=": "≤", ">=": "≥"}
SIGNS = {"+": "+", "-": "−", "+-": "±"}

WORDS = {"at", "on", "for", "and", "with", "where", "from", "of", "which"}
"""Words between formulas."""

PROSE = {
    "the",
    "its",
    "are",
    "is",
    "as",
    "to",
    "or",
    "by",
    "no",
    "so",
    "it",
    "an",
    "if",
    "has",
    "all",
    "any",
    "may",
    "one",
    "two",
    "be",
    "not",
    "less",
    "but",
    "then",
    "thus",
    "near",
}
"""Short words that are no names of quantities."""

LONGEST = 3
"""Letters of a name that is neither Greek nor a function: longer ones are words."""
