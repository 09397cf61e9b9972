"""The demo: two real trainings, and what the framework's default rate would have given beside lrlab's answer.

The test split is seen by neither the training nor the search: it is looked at once, at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.api.results import Answer
from lrlab.core.errors import NotFoundError, SpecError
from lrlab.core.run import Run

Arrays = tuple[NDArray[np.float32], NDArray[np.int64]]


class Parts(NamedTuple):
    """Samples and classes to train on, to choose by, and to judge with."""

    train: Arrays
    val: Arrays
    test: Arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One of the demo's trainings.

    Args:
        name: Name on the command line and of its studies.
        title: What it is, for a person.
        parts: Loads its data.
        recipe: Makes its recipe.
    """

    name: str
    title: str
    parts: Callable[[], Parts]
    recipe: Callable[[], Any]

    @property
    def target(self) -> dict[str, object]:
        """How a command can build the recipe again."""
        return {"kind": "recipe", "ref": f"{__name__}:{self.recipe.__name__}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A full training, judged.

    Args:
        lr: Its rate.
        score: Its score in the study's metric.
        test_accuracy: Share of the test split that its final model gets right.
        test_errors: Samples of the test split that it gets wrong.
    """

    lr: float
    score: float
    test_accuracy: float
    test_errors: int


def digits() -> Any:
    """Recipe: a small CNN reads scikit-learn's images of handwritten digits; Adam."""
    from lrlab.tasks.torch_demo import image_model
    from lrlab.tasks.torch_recipe import Recipe

    parts = digits_parts()
    return Recipe(
        image_model, parts.train, val_data=parts.val, optimizer="adam", budget=30, batch_size=32, device="cpu",
        name="demo-digits",
    )  # fmt: skip


def cancer() -> Any:
    """Recipe: an MLP tells malign from benign in scikit-learn's breast-cancer data; SGD."""
    from lrlab.tasks.torch_demo import table_model
    from lrlab.tasks.torch_recipe import Recipe

    parts = cancer_parts()
    return Recipe(
        table_model, parts.train, val_data=parts.val, optimizer="sgd", budget=60, batch_size=32, device="cpu",
        name="demo-cancer",
    )  # fmt: skip


@cache
def digits_parts() -> Parts:
    """1,797 images of one channel and 8 by 8 pixels, values from 0 to 1."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images[:, None] / 16).astype(np.float32)
    return _split(images, found.target.astype(np.int64))


@cache
def cancer_parts() -> Parts:
    """569 rows of 30 numbers, each with mean 0 and deviation 1 over the training part."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    parts = _split(found.data, found.target.astype(np.int64))
    mean, deviation = parts.train[0].mean(0), parts.train[0].std(0)
    return Parts(*((((rows - mean) / deviation).astype(np.float32), classes) for rows, classes in parts))


DEMOS = {
    demo.name: demo
    for demo in (
        Demo(
            name="digits",
            title="Images: a small CNN reads handwritten digits, with Adam",
            parts=digits_parts,
            recipe=digits,
        ),
        Demo(
            name="cancer",
            title="Medicine: an MLP tells malign from benign breast tumours, with SGD",
            parts=cancer_parts,
            recipe=cancer,
        ),
    )
}


def check(name: str | None) -> tuple[Demo, ...]:
    """The demos that ``name`` names; None names all.

    Raises:
        SpecError: If there is none of that name.
        NotFoundError: If something that they need is not installed.
    """
    if name is not None and name not in DEMOS:
        raise SpecError(f"demo: expected {' or '.join(map(repr, DEMOS))}, got {name!r}.")
    for module, package in (("torch", "PyTorch"), ("sklearn", "scikit-learn")):
        if find_spec(module) is None:
            raise NotFoundError(
                f"demo: {package} is not installed.", hint="Install it with: pip install 'lrlab[torch,demo]'"
            )
    return (DEMOS[name],) if name is not None else tuple(DEMOS.values())


def judge_answer(demo: Demo, answer: Answer) -> Trained:
    """lrlab's winner, from its stored state.

    Raises:
        NotFoundError: If the study's state is not kept.
    """
    return _judged(demo, answer.load_model(demo.recipe()), lr=answer.lr, score=answer.score)


def train_with_default(demo: Demo, answer: Answer) -> Trained:
    """The same training at the framework's default rate and with the winner's seed, to the end."""
    from lrlab.tasks.torch_demo import one_thread

    recipe, question = demo.recipe(), answer.question
    seed = answer.winner.seed if answer.winner else question.seed
    session = recipe.start(recipe.default_lr, seed=seed)
    try:
        with one_thread():
            run = Run(lr=recipe.default_lr).with_records(tuple(session.advance(question.budget)))
        score = run.score(question.metric, reduce=question.reduce)
        model = recipe.load_model(session.state(), best=question.reduce == "best")
        return _judged(demo, model, lr=run.lr, score=score)
    finally:
        session.close()


def _judged(demo: Demo, model: Any, *, lr: float, score: float) -> Trained:
    from lrlab.tasks.torch_demo import accuracy

    samples, classes = demo.parts().test
    share = accuracy(model, samples, classes)
    return Trained(lr=lr, score=score, test_accuracy=share, test_errors=round((1 - share) * len(classes)))


def _split(samples: NDArray[Any], classes: NDArray[np.int64]) -> Parts:
    """60, 20 and 20 percent of the samples, in a fixed random order."""
    order = np.random.default_rng(0).permutation(len(samples))
    train, val, test = np.split(order, [int(0.6 * len(order)), int(0.8 * len(order))])
    return Parts(*((samples[part], classes[part]) for part in (train, val, test)))
