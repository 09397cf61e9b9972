"""The least value of a function of a few positive numbers, without its derivatives."""

import math
from collections.abc import Callable, Sequence

Params = dict[str, float]


def minimum(
    loss: Callable[[Params], float],
    start: Params,
    names: Sequence[str],
    *,
    near: float = 1e-8,
    most: int = 200,
) -> Params:
    """The parameters near ``start`` at which ``loss`` is least: the simplex of Nelder and Mead, over logarithms.

    Args:
        loss: What to make small; infinite where the parameters are none.
        start: All parameters.
        names: Those to change, all above 0.
        near: How near to one another, as a share, the parameters are where the search ends.
        most: How many times ``loss`` is called at most, about.

    References:
        Nelder and Mead, A Simplex Method for Function Minimization, The Computer Journal 7, 1965.

    Example:
        >>> found = minimum(lambda p: (p["a"] - 3.0) ** 2, {"a": 1.0}, ("a",))
        >>> round(found["a"], 4)
        3.0
    """
    if not names:
        return start

    def at(place: list[float]) -> Params:
        return start | {
            name: math.exp(min(max(x, -50.0), 50.0)) for name, x in zip(names, place, strict=True)
        }

    first = [math.log(max(start[name], 1e-9)) for name in names]
    places = [
        first,
        *([x + (0.1 if k == j else 0.0) for j, x in enumerate(first)] for k in range(len(names))),
    ]
    corners = [(loss(at(place)), place) for place in places]
    calls = len(corners)
    while calls < most:
        corners.sort(key=lambda corner: corner[0])
        (least, best), (worst, last) = corners[0], corners[-1]
        if worst - least <= 1e-6 * least or max(abs(x - y) for x, y in zip(best, last, strict=True)) < near:
            break
        middle = [sum(xs) / len(names) for xs in zip(*(place for _, place in corners[:-1]), strict=True)]

        def moved(
            by: float, middle: list[float] = middle, last: list[float] = last
        ) -> tuple[float, list[float]]:
            place = [m + by * (m - x) for m, x in zip(middle, last, strict=True)]
            return loss(at(place)), place

        over = moved(1.0)
        calls += 1
        if over[0] < least:
            farther = moved(2.0)
            calls += 1
            corners[-1] = min(over, farther, key=lambda corner: corner[0])
        elif over[0] < corners[-2][0]:
            corners[-1] = over
        else:
            inside = moved(0.5 if over[0] < worst else -0.5)
            calls += 1
            if inside[0] < min(over[0], worst):
                corners[-1] = inside
            else:
                nearer = [[(x + y) / 2 for x, y in zip(place, best, strict=True)] for _, place in corners[1:]]
                corners = [corners[0], *((loss(at(place)), place) for place in nearer)]
                calls += len(nearer)
    return at(min(corners, key=lambda corner: corner[0])[1])
