"""What a run's measurements say about how far its answer can be trusted."""

from collections.abc import Mapping, Sequence

OVERFIT = 10.0  # held-out over training residual beyond which the points were learnt, not the equation
UNSOLVED = 0.05  # residual on fresh points over the equation's largest term beyond which it is not solved
UNFIT = 1e-4  # the same for a fit that has its least loss, which is far less where the fit suits the problem
LEARNT, CONSISTENT = 0.5, 1.5  # root mean square misfit over the noise: below the noise is fitted, above the equation
SOLVED = 1e-6  # residual over the equation's largest term below which its share of the loss is not worth a remark
DOMINANT = 0.8  # share of the held-out residual beyond which one term is named


def verdict(latest: Mapping[str, float], missing: Sequence[str] = ()) -> list[str]:
    """Findings from the last measurement of a run, in words, worst first; one line of good news where none is bad.

    latest: `held_out/<block>` and `loss/<block>` (weighted mean squares), `held_out`, `imbalance/<block>` (the residual
    over the equation's largest term), `noise/<block>` (the misfit of data over their noise), as the trainer records
    them; `settled` where a fit has its least loss, so that weights and redrawn points would not help.
    missing: conditions that the equations ask for and the problem does not have, in words.
    """
    settled = bool(latest.get("settled", False))
    held_out = {k.removeprefix("held_out/"): v for k, v in latest.items() if k.startswith("held_out/")}
    training = {k.removeprefix("loss/"): v for k, v in latest.items() if k.startswith("loss/")}
    imbalances = {k.removeprefix("imbalance/"): v for k, v in latest.items() if k.startswith("imbalance/")}
    noise = {k.removeprefix("noise/"): v for k, v in latest.items() if k.startswith("noise/")}
    found = [f"one of many solutions: {text}" for text in missing]
    found += [
        f"{block}: the misfit is {misfit:.2g} of the noise, which is learnt with the data: give the equations more "
        f"weight: {', '.join(f'weights.{name}=1e4' for name in imbalances)}"
        for block, misfit in noise.items()
        if misfit < LEARNT and imbalances
    ]
    found += [
        f"{block}: not solved: the residual on fresh points is {100 * left:.0f} % of the equation's largest term: "
        "train longer (training=accurate), try a larger network"
        + (f" or raise weights.{block}" if len(held_out) > 1 else "")
        for block, left in imbalances.items()
        if left > UNSOLVED
    ]
    vanishing = [block for block, fresh in held_out.items() if fresh == 0.0]
    others = [block for block, fresh in held_out.items() if fresh > 0.0]
    if vanishing and others and not imbalances:
        found.append(
            f"the solution found is zero: {', '.join(vanishing)} hold because every term vanishes, {', '.join(others)} "
            f"does not: try optimizer=trust_region, another seed, or raise weights.{others[0]}"
        )
    for block, fresh in held_out.items():
        seen = training.get(block, 0.0)
        if seen > 0 and fresh > OVERFIT * seen:
            found.append(
                f"{block}: the residual on fresh points is {fresh / seen:.1f} times the training points': try more "
                "points (sampler.interior, sampler.boundary) or a smaller "
                + ("network.width" if settled else "sampler.redraw_every")
            )
    total = sum(held_out.values())
    for block, fresh in held_out.items():
        fine = imbalances.get(block, 1.0) < SOLVED or noise.get(block, CONSISTENT) < CONSISTENT
        if not settled and not fine and len(held_out) > 1 and total > 0 and fresh > DOMINANT * total:
            share = training.get(block, 0.0) / max(sum(training.values()), 1e-300)
            found.append(
                f"{block}: {100 * fresh / total:.0f} % of the held-out residual, {100 * share:.0f} % of the loss: "
                f"raise weights.{block}" + ("" if share > DOMINANT else " or sample it with more points")
            )
    found += [
        f"{block}: the fit has its least loss, which does not solve the equation: try optimizer=trust_region, or more "
        "features (network.width)"
        for block, left in imbalances.items()
        if settled and UNFIT < left <= UNSOLVED
    ]
    found += [
        f"{block}: the misfit is {misfit:.2g} of the noise, as it should be"
        for block, misfit in noise.items()
        if LEARNT <= misfit < CONSISTENT
    ]
    worst = max(imbalances.values(), default=0.0)
    balanced = [f"{worst:.1g} of the equation's largest term is left"] if imbalances and worst <= UNSOLVED else []
    if not found and total > 0:
        ratio = total / max(sum(training.values()), 1e-300)
        good = f"the residual on fresh points is {ratio:.2g} times the training points': no overfitting seen"
        return ["; ".join([good, *balanced])]
    return found + balanced
