"""Physics-informed networks of `peers.py`: each library as its documentation uses it; see there."""

import math
import os
import time
from itertools import pairwise
from typing import Any

import numpy as np
from peer_cases import ADAM, INTERIOR, SIDES, START, WIDE, Case, Predict, Watch


def run_pinn(case: Case, budget: float) -> tuple[Predict, float]:
    """`pinn problem=...` with a limit of time, its error estimated as always."""
    time.perf_counter = time.process_time
    import pinn

    settings = pinn.configured(
        f"problem={case.name}", f"training.time_limit={budget}", "compile=never", "output.figures=false"
    )
    watch = Watch()
    solution = pinn.solve(**settings)
    x, y = solution.problem.coordinates
    return lambda points: solution(**{x: points[:, 0], y: points[:, 1]}), watch.seconds


def torch_derivatives(u: Any, x: Any) -> tuple[Any, ...]:
    """u_x, u_y, u_xx, u_yy (n, 1) of u (n, 1) at x (n, 2), by nested autograd."""
    import torch

    first = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    second = [torch.autograd.grad(first[:, i].sum(), x, create_graph=True)[0][:, i : i + 1] for i in (0, 1)]
    return first[:, :1], first[:, 1:], second[0], second[1]


def run_torch(case: Case, budget: float) -> tuple[Predict, float]:
    """A plain network in torch, in float64."""
    import torch

    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    sizes = [2, *WIDE]
    layers = [m for a, b in pairwise(sizes) for m in (torch.nn.Linear(a, b), torch.nn.Tanh())]
    network = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 1))
    low, high = torch.tensor(case.low), torch.tensor(case.high)
    x = (low + (high - low) * torch.rand(INTERIOR, 2)).requires_grad_()
    sides = []
    for axis, ends in ((0, (0, 1)), (1, () if case.start else (0, 1))):
        for end in ends:
            wall = low + (high - low) * torch.rand(SIDES, 2)
            wall[:, axis] = (low, high)[end][axis]
            sides.append((wall, torch.zeros(SIDES, 1)))
    if case.start:
        first = low + (high - low) * torch.rand(START, 2)
        first[:, 1] = low[1]
        sides.append((first, case.start(first[:, :1], torch.sin)))

    def loss():
        u = network(x)
        r = case.residual(u, *torch_derivatives(u, x), x[:, :1], x[:, 1:], torch.sin)
        return r.square().mean() + sum((network(at) - value).square().mean() for at, value in sides)

    watch, adam = Watch(), torch.optim.Adam(network.parameters(), ADAM)
    while watch.seconds < budget / 2:
        adam.zero_grad()
        loss().backward()
        adam.step()
    quasi = torch.optim.LBFGS(
        network.parameters(), max_iter=20, history_size=100, line_search_fn="strong_wolfe", tolerance_change=0.0
    )

    def closure():
        quasi.zero_grad()
        value = loss()
        value.backward()
        return value

    while watch.seconds < budget:
        quasi.step(closure)
    return lambda points: network(torch.as_tensor(points)).detach().numpy()[:, 0], watch.seconds


def run_deepxde(case: Case, budget: float, newton: bool = False) -> tuple[Predict, float]:
    """DeepXDE: Adam, then L-BFGS; then NNCG where asked, for a third of the time each."""
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde as dde
    import torch

    dde.config.set_random_seed(0)

    class Until(dde.callbacks.Callback):
        """Stops after so many of the processor's seconds."""

        limit = math.inf

        def on_epoch_end(self):
            if watch.seconds > self.limit:
                self.model.stop_training = True

    def equation(x, u):
        derivatives = [dde.grad.jacobian(u, x, j=j) for j in (0, 1)]
        derivatives += [dde.grad.hessian(u, x, i=j, j=j) for j in (0, 1)]
        return case.residual(u, *derivatives, x[:, :1], x[:, 1:], torch.sin)

    points = {"num_domain": INTERIOR, "num_boundary": SIDES, "num_test": 100}
    if case.start:
        space = dde.geometry.Interval(case.low[0], case.high[0])
        domain = dde.geometry.GeometryXTime(space, dde.geometry.TimeDomain(case.low[1], case.high[1]))
        start = case.start
        on_wall = dde.icbc.DirichletBC(domain, lambda x: 0, lambda _, on: on)
        at_start = dde.icbc.IC(domain, lambda x: start(x[:, :1], np.sin), lambda _, on: on)
        data = dde.data.TimePDE(domain, equation, [on_wall, at_start], num_initial=START, **points)
    else:
        domain = dde.geometry.Rectangle(list(case.low), list(case.high))
        data = dde.data.PDE(domain, equation, dde.icbc.DirichletBC(domain, lambda x: 0, lambda _, on: on), **points)
    model = dde.Model(data, dde.nn.FNN([2, *case.hidden, 1], "tanh", "Glorot normal"))
    dde.optimizers.config.set_LBFGS_options(maxiter=10**8)
    dde.optimizers.config.LBFGS_options |= {"iter_per_step": 50, "fun_per_step": 63}
    watch, until, stages = Watch(), Until(), ["adam", "L-BFGS", "NNCG"][: 2 + newton]
    for number, name in enumerate(stages, 1):
        until.limit = budget * number / len(stages)
        model.compile(name, **({"lr": ADAM} if name == "adam" else {}))
        model.stop_training = False
        given = {} if name == "L-BFGS" else {"iterations": 10**8}
        model.train(display_every=10**8, verbose=0, callbacks=[until], **given)
    return lambda points: model.predict(points.astype(np.float32))[:, 0], watch.seconds


def pina_problem(case: Case) -> Any:
    """The case as PINA states it, its points drawn."""
    import torch
    from pina import Condition
    from pina.domain import CartesianDomain
    from pina.equation import Equation, FixedValue
    from pina.operator import grad
    from pina.problem import SpatialProblem

    (a, c), (b, d) = case.low, case.high
    start = case.start

    def equation(x, output):
        slopes = grad(output, x, components=["u"], d=["x", "y"])
        seconds = [grad(slopes, x, components=[f"dud{k}"], d=[k]) for k in ("x", "y")]
        values = [output["u"], slopes["dudx"], slopes["dudy"], *seconds, x["x"], x["y"]]
        return case.residual(*(value.as_subclass(torch.Tensor) for value in values), torch.sin)

    walls = {"left": ([a, a], [c, d]), "right": ([b, b], [c, d])}
    walls |= {} if start else {"low": ([a, b], [c, c]), "high": ([a, b], [d, d])}
    spans = {"inside": ([a, b], [c, d]), **walls, **({"start": ([a, b], [c, c])} if start else {})}

    def at_start(x, output):
        return output["u"] - start(x["x"], torch.sin)

    told = {"inside": Equation(equation), **{name: FixedValue(0.0) for name in walls}, "start": Equation(at_start)}

    def domain(span):
        return CartesianDomain({k: v[0] if v[0] == v[1] else v for k, v in zip("xy", span, strict=True)})

    class Stated(SpatialProblem):
        output_variables = ["u"]  # noqa: RUF012
        spatial_domain = domain(spans["inside"])
        domains = {name: domain(span) for name, span in spans.items()}  # noqa: RUF012
        conditions = {name: Condition(domain=name, equation=told[name]) for name in spans}  # noqa: RUF012

    problem, counts = Stated(), {"inside": INTERIOR, "start": START}
    for name in spans:
        problem.discretise_domain(n=counts.get(name, SIDES), mode="random", domains=[name])
    return problem


def run_pina(case: Case, budget: float) -> tuple[Predict, float]:
    """PINA: Adam, in float32."""
    import torch
    from lightning.pytorch.callbacks import Callback
    from pina import LabelTensor, Trainer
    from pina.model import FeedForward
    from pina.optim import TorchOptimizer
    from pina.solver import PhysicsInformedSingleModelSolver

    class Until(Callback):
        """Stops after so many of the processor's seconds."""

        def on_train_epoch_end(self, trainer, module):
            trainer.should_stop = watch.seconds > budget

    torch.manual_seed(0)
    problem = pina_problem(case)
    model = FeedForward(input_dimensions=2, output_dimensions=1, layers=case.hidden, func=torch.nn.Tanh)
    solver = PhysicsInformedSingleModelSolver(problem, model, optimizer=TorchOptimizer(torch.optim.Adam, lr=ADAM))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    watch = Watch()
    Trainer(solver, max_epochs=10**8, min_epochs=1, callbacks=[Until()], enable_model_summary=False, **quiet).train()

    def predict(points):
        x = LabelTensor(torch.as_tensor(points, dtype=torch.float32), ["x", "y"])
        return solver(x).detach().numpy()[:, 0]

    return predict, watch.seconds


def jinns_loss(case: Case, u: Any, params: Any, kind: str, key: Any) -> tuple[Any, Any]:
    """The points and the loss of the case as jinns states them."""
    import jax
    import jax.numpy as jnp
    import jinns

    (a, c), (b, d) = case.low, case.high
    start, order = case.start, time_first(case)

    def equation(self, at, u, params):
        def value(x):
            return jnp.squeeze(u(x, params))

        slopes, curvature = jax.grad(value)(at), jax.hessian(value)(at)
        given = [slopes[i] for i in order] + [curvature[i, i] for i in order] + [at[i] for i in order]
        return jnp.atleast_1d(case.residual(value(at), *given, jnp.sin))

    dynamic = type("Stated", (getattr(jinns.loss, kind),), {"equation": equation})()
    common, walls = {"key": key, "n": INTERIOR, "method": "uniform"}, jinns.loss.Dirichlet()
    weights = dict.fromkeys(("dyn_loss", "boundary_loss", *(["initial_condition"] if start else [])), 1.0)
    told = {"u": u, "dynamic_loss": dynamic, "boundary_condition": walls, "params": params}
    if start:
        span = {"dim": 1, "min_pts": (a,), "max_pts": (b,), "tmin": c, "tmax": d}
        data = jinns.data.CubicMeshPDENonStatio(**common, **span, nb=2, ni=START)
        own_weights = jinns.loss.LossWeightsPDENonStatio(**weights)
        return data, jinns.loss.LossPDENonStatio(
            **told, loss_weights=own_weights, initial_condition_fun=lambda x: start(x, jnp.sin)
        )
    data = jinns.data.CubicMeshPDEStatio(**common, nb=4 * SIDES, dim=2, min_pts=(a, c), max_pts=(b, d))
    return data, jinns.loss.LossPDEStatio(**told, loss_weights=jinns.loss.LossWeightsPDEStatio(**weights))


def time_first(case: Case) -> tuple[int, int]:
    """Where jinns has the case's two coordinates: time comes first there."""
    return (1, 0) if case.start else (0, 1)


def run_jinns(case: Case, budget: float) -> tuple[Predict, float]:
    """jinns: Adam, in float32; compiling is part of its seconds."""
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import jinns
    import optax

    kind = "PDENonStatio" if case.start else "PDEStatio"
    sizes, key = [2, *case.hidden, 1], jax.random.PRNGKey(0)
    hidden = [layer for m, n in pairwise(sizes[:-1]) for layer in ((eqx.nn.Linear, m, n), (jnp.tanh,))]
    layers = (*hidden, (eqx.nn.Linear, sizes[-2], 1))
    u, own = jinns.nn.PINN_MLP.create(key=key, eqx_list=layers, eq_type=kind)
    params = jinns.parameters.Params(nn_params=own, eq_params={})
    data, loss = jinns_loss(case, u, params, kind, key)
    optimizer, state, each, watch = optax.adam(ADAM), None, 0.0, Watch()
    while budget - watch.seconds > 0.2 * budget:  # each call compiles its loop again, so that these are few
        left, before = budget - watch.seconds, watch.seconds
        steps = 20 if state is None else max(1, int(0.9 * left / each))
        params, _, _, data, loss, state, *_ = jinns.solve(
            n_iter=steps, init_params=params, data=data, loss=loss, optimizer=optimizer, opt_state=state, verbose=False
        )
        each = (watch.seconds - before) / steps

    def predict(points):
        return np.asarray(jax.vmap(lambda x: u(x, params))(jnp.asarray(points[:, list(time_first(case))])))[:, 0]

    return predict, watch.seconds
