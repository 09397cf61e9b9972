"""Schedules of every family with arguments of every size, for properties."""

from hypothesis import strategies as st

from lrlab.schedules.constant import constant
from lrlab.schedules.cosine import cosine
from lrlab.schedules.cyclic import SHAPES, cyclic
from lrlab.schedules.exponential import exponential
from lrlab.schedules.inverse_sqrt import inverse_sqrt, noam
from lrlab.schedules.join import then, warmup
from lrlab.schedules.linear import linear
from lrlab.schedules.one_cycle import one_cycle
from lrlab.schedules.piecewise import piecewise
from lrlab.schedules.plateau import plateau
from lrlab.schedules.polynomial import polynomial
from lrlab.schedules.restarts import restarts
from lrlab.schedules.rex import rex
from lrlab.schedules.step import multi_step, step
from lrlab.schedules.tanh import tanh
from lrlab.schedules.transform import clip, repeat, scale
from lrlab.schedules.wsd import wsd

lengths = st.integers(1, 3_000)
shares = st.floats(0, 1)
factors = st.floats(0.01, 1)
anywhere = st.one_of(st.integers(0, 5_000), st.integers(0, 10**9))

_points = st.lists(
    st.tuples(st.integers(0, 3_000), st.floats(0, 10)), min_size=1, max_size=6, unique_by=lambda p: p[0]
)
_wsd = st.tuples(st.integers(0, 500), st.integers(1, 500), st.integers(0, 500))

exact = st.one_of(  # arithmetic and square roots only: the same bits, one by one and at once
    st.builds(constant),
    st.builds(linear, lengths, floor=shares),
    st.builds(rex, lengths, floor=shares),
    st.builds(multi_step, st.lists(lengths, min_size=1, max_size=5).map(lambda a: tuple(sorted(a))), by=factors, floor=shares),
    st.builds(cyclic, lengths, down=st.none() | lengths, floor=shares),
    st.builds(inverse_sqrt, st.integers(0, 500), timescale=st.none() | lengths),
    st.builds(lambda points, between: piecewise(tuple(sorted(points)), between=between), _points, st.sampled_from(["linear", "constant"])),
    st.builds(
        lambda sizes, shape, floor: wsd(sum(sizes), warmup=sizes[0], decay=sizes[1], shape=shape, floor=floor),
        _wsd, st.sampled_from(["linear", "sqrt", "square"]), shares,
    ),
)  # fmt: skip
rounded = st.one_of(
    st.builds(cosine, lengths, floor=shares),
    st.builds(polynomial, lengths, power=st.floats(0.5, 5), floor=shares),
    st.builds(tanh, lengths, low=st.floats(-8, 0), high=st.floats(0.5, 8), floor=shares),
    st.builds(exponential, factors, every=lengths, floor=shares),
    st.builds(step, lengths, by=factors, floor=shares),
    st.builds(restarts, lengths, times=st.integers(1, 3), peak=factors, floor=shares),
    st.builds(
        one_cycle, st.integers(2, 3_000), rise=st.floats(0, 0.5), start=shares, floor=shares,
        anneal=st.sampled_from(["cosine", "linear"]), three_phase=st.booleans(),
    ),
    st.builds(cyclic, lengths, floor=shares, shape=st.sampled_from(SHAPES), decay=st.floats(0.9, 1)),
    st.builds(noam, st.integers(1, 2048), lengths),
    st.builds(
        lambda sizes, shape, floor: wsd(sum(sizes), warmup=sizes[0], decay=sizes[1], shape=shape, floor=floor),
        _wsd, st.sampled_from(["cosine", "exponential"]), st.floats(0.001, 1),
    ),
)  # fmt: skip


def composed(simple: st.SearchStrategy) -> st.SearchStrategy:
    """Schedules made of such, and of each other."""
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.builds(warmup, inner, st.integers(0, 500), start=shares),
            st.builds(then, inner, lengths, inner),
            st.builds(scale, inner, st.floats(0, 3)),
            st.builds(lambda s, a, b: clip(s, min(a, b), max(a, b)), inner, shares, shares),
            st.builds(repeat, inner, lengths),
        ),
        max_leaves=4,
    )


simple = st.one_of(exact, rounded)
schedules = composed(simple)
plateaus = st.builds(
    plateau, by=factors, patience=st.integers(0, 4), threshold=st.floats(0, 0.5),
    measured=st.sampled_from(["relative", "absolute"]), cooldown=st.integers(0, 3), floor=shares,
    direction=st.sampled_from(["min", "max"]),
)  # fmt: skip
