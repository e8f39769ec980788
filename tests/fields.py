"""A problem for what is done with fields, whatever they are."""

from pinn.problem import Problem
from pinn.terms import Interior


class Fields(Problem):
    """Fields without known solution in any domain."""

    def __init__(self, domain, fields=("q",)):
        self.domain, self.fields = domain, tuple(fields)

    def terms(self):
        return {"balance": Interior(self.balance)}

    def balance(self, x):
        return 1 + x
