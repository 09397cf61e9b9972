"""A small training, and a sweep over it in this process."""

from lrlab.api.sweep import sweep


def train(run):
    weight = 1.0
    for _ in run.units():
        weight -= run.lr * weight
        run.report(val_loss=weight**2)


def ask(what=train, *, store, **settings):
    """A small sweep in this process."""
    return sweep(what, **({"lr": (1e-3, 1.0), "budget": 4, "workers": 0, "store": store} | settings))
