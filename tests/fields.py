"""A problem for what is done with fields, whatever they are."""

from pinn.problem import Problem
from pinn.terms import Interior


class Fields(Problem):
    """Fields without known solution in any domain; the first is q or u."""

    def __init__(self, domain, fields=("q",)):
        self.domain, self.fields = domain, tuple(fields)

    def terms(self):
        return {"balance": Interior(self.balance if self.fields[0] == "q" else self.momentum)}

    def balance(self, x, q):
        return 1 + x + 0 * q

    def momentum(self, x, u):
        return 1 + x + 0 * u
