"""What the names in a formula mean."""

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "eps": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
}

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
