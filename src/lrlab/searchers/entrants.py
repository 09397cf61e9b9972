"""Where new rates start: between those that are known."""

import itertools
import math
from collections.abc import Sequence

from lrlab.core.run import RunKey
from lrlab.searchers.rungs import CLOSEST_DECADES, inside
from lrlab.searchers.standing import Standing

_COARSE_GAP = 1.05  # decades between rungs; a ladder of one rung a decade is not coarse


def filled_in(standing: Standing, keys: Sequence[RunKey], known: int, count: int) -> list[RunKey]:
    """At most ``count`` new rates between neighbours, next to the most promising first.

    Nothing is spent above a rate that diverged: what is above diverges too.

    Args:
        standing: How the runs stand.
        keys: Runs of the ladder.
        known: Units that they were trained for.
        count: Rates that may start.
    """
    merit = standing.merits(keys, known)
    gaps = []
    for below, above in itertools.pairwise(sorted(keys, key=lambda key: (key.arm, key.lr))):
        ends = sorted((merit[below], merit[above]))
        blocked = standing.over_the_edge(below) or standing.evidence.diverged(below, known)
        if below.arm == above.arm and math.isfinite(ends[0]) and not blocked:
            # The better end counts; where both gaps have the same one, in a coarse ladder whether it is still too low,
            # then the other end. In a finer ladder what is known of drift tells more.
            coarse = math.log10(above.lr / below.lr) > _COARSE_GAP
            away = coarse and merit[below] > merit[above] and standing.too_low(above, keys, known)
            gaps.append(((ends[0], away, ends[1]), below, above))
    gaps.sort(key=lambda gap: gap[0])
    new = []
    for shares in ((0.5,), (0.25, 0.75)):
        for _, below, above in gaps:
            # The upper quarter below a rate that diverged would diverge too.
            inner = shares[:1] if standing.evidence.diverged(above, known) else shares
            if math.log10(above.lr / below.lr) * shares[0] >= CLOSEST_DECADES:
                new += [below._replace(lr=inside(below.lr, above.lr, share)) for share in inner]
    return [key for key in new if key.lr in standing.question.span(key.arm)][: max(count, 0)]


def beside(standing: Standing, best: RunKey) -> list[RunKey]:
    """New rates half way from the best to its neighbours, to the better neighbour first."""
    mine = sorted((key for key in standing.asked if key.arm == best.arm), key=lambda key: key.lr)
    place = mine.index(best)
    next_to = mine[max(place - 1, 0) : place] + mine[place + 1 : place + 2]
    next_to.sort(key=standing.score)  # a diverged one comes last
    new = [
        best._replace(lr=inside(min(best.lr, key.lr), max(best.lr, key.lr), 0.5))
        for key in next_to
        if abs(math.log10(best.lr / key.lr)) >= 2 * CLOSEST_DECADES
    ]
    return [key for key in new if key.lr in standing.question.span(key.arm)]
