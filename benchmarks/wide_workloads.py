"""Fourteen more kinds of training whose learning-rate grids the diagnosis is fitted on; see ``diagnosis_grids.py``.

Chosen for what the other recorded problems lack: fine-tuning of trained weights, clipped gradients, attention,
segmentation, boxes, denoising, whole sets as one batch, losses below zero, tasks that are learned at one stroke.
They are to develop on and never serve to report a searcher. Texts and medical images are those of ``LRLAB_DATA``.
"""

from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import nn

from benchmarks import wide_images as images
from benchmarks import wide_numbers as numbers
from benchmarks import wide_texts as texts
from benchmarks.recorded_workloads import Loss, Workload, next_character

_CLASSES, _NUMBERS = nn.functional.cross_entropy, nn.functional.mse_loss


@cache
def _trained(
    model: Callable[[], nn.Module], data: Callable[[], texts.Data], loss: Loss, units: int
) -> dict[str, torch.Tensor]:
    """The weights of a model after some passes with AdamW at 0.003 and batches of 32."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(100)
        made, ((x, y), _) = model(), data()
        optimizer = torch.optim.AdamW(made.parameters(), lr=3e-3)
        for _ in range(units):
            for chosen in torch.randperm(len(x)).split(32):
                optimizer.zero_grad()
                loss(made(x[chosen]), y[chosen]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    return {name: value.detach().clone() for name, value in made.state_dict().items()}


def _begun(model: nn.Module, weights: dict[str, torch.Tensor], fresh: str = "") -> nn.Module:
    """A model with trained weights, but for the parts that begin with ``fresh``."""
    kept = {name: value for name, value in weights.items() if not (fresh and name.startswith(fresh))}
    model.load_state_dict(kept, strict=False)
    return model


def _movie_words() -> texts.Data:
    return texts.sentiment("movieReviewSnippets")


def _movie_letters() -> texts.Data:
    return texts.characters("movieReviewSnippets")


def tuned_sentiment() -> nn.Module:
    """Attention that was trained on movie reviews, with a new last layer."""
    return _begun(texts.Attention(), _trained(texts.Attention, _movie_words, _CLASSES, 4), "out.")


def tuned_letters() -> nn.Module:
    """The LSTM that was trained on the characters of movie reviews."""
    return _begun(texts.Letters(), _trained(texts.Letters, _movie_letters, next_character, 4))


def _four_turns() -> nn.Module:
    return images.normed_cnn(3, 4)


def tuned_cells() -> nn.Module:
    """A net that was trained to tell how images are turned, with a new last layer."""
    return _begun(images.normed_cnn(3, 3), _trained(_four_turns, images.turned_cells, _CLASSES, 8), "5.")


# --- the problems -----------------------------------------------------------------------------------------------

Settings = tuple[tuple[str, int, int, str], ...]  # optimizer, units, batch, schedule


def _sentiment_of(name: str) -> Callable[[], texts.Data]:
    return lambda: texts.sentiment(name)


def workloads() -> Iterator[Workload]:
    """Every workload; ``schedules`` has the one that it is recorded under."""

    def of(
        name: str, kind: str, data: Callable[[], texts.Data], model: Callable[[], nn.Module], loss: Loss, settings: Settings,
        clip: float | None = None,
    ) -> Iterator[Workload]:  # fmt: skip
        for optimizer, units, batch, schedule in settings:
            yield Workload(
                name=name, kind=kind, optimizer=optimizer, data=data, model=model, loss=loss, classifies=False,
                units=units, batch_size=batch, schedules=(schedule,), clip=clip,
            )  # fmt: skip

    yield from of("nyt-tuned", "text", _sentiment_of("nytEditorialSnippets"), tuned_sentiment, _CLASSES,
                  (("adamw", 4, 32, "linear"), ("momentum", 3, 32, "cosine"), ("adam", 5, 48, "constant")), clip=1.0)  # fmt: skip
    yield from of("tweets-attention", "text", _sentiment_of("tweets"), texts.Attention, _CLASSES,
                  (("adamw", 6, 32, "cosine"), ("sgd", 10, 32, "constant"), ("rmsprop", 5, 32, "linear")), clip=1.0)  # fmt: skip
    yield from of("tweets-tuned", "language model", lambda: texts.characters("tweets", most=3000), tuned_letters, next_character,
                  (("adamw", 4, 24, "cosine"), ("momentum", 4, 24, "linear")))  # fmt: skip
    yield from of("movies-letters", "language model", _movie_letters, texts.Letters, next_character,
                  (("sgd", 3, 32, "linear"), ("adam", 2, 32, "constant"), ("momentum", 2, 24, "cosine")), clip=0.5)  # fmt: skip
    yield from of("cells-tuned", "image", images.cells, tuned_cells, _CLASSES,
                  (("momentum", 5, 32, "cosine"), ("adamw", 6, 32, "linear"), ("sgd", 8, 32, "constant")))  # fmt: skip
    yield from of("cells-cnn", "image", images.cells, lambda: images.normed_cnn(3, 3), _CLASSES,
                  (("adam", 8, 32, "cosine"), ("momentum", 8, 32, "constant")))  # fmt: skip
    yield from of("breast-patches", "image", images.breast, images.Patches, _CLASSES,
                  (("adamw", 16, 32, "cosine"), ("adam", 12, 16, "constant"), ("momentum", 20, 32, "linear")))  # fmt: skip
    yield from of("shapes-mask", "image", images.shapes, images.Mask, nn.functional.binary_cross_entropy_with_logits,
                  (("adam", 12, 16, "constant"), ("momentum", 15, 24, "cosine"), ("adamw", 20, 32, "linear")))  # fmt: skip
    yield from of("boxes-cnn", "image", images.boxes, lambda: images.normed_cnn(1, 4), images.detection,
                  (("momentum", 20, 24, "linear"), ("adamw", 16, 32, "cosine"), ("sgd", 16, 16, "constant")), clip=10.0)  # fmt: skip
    yield from of("ratings-factors", "table", numbers.ratings, numbers.Factors, _NUMBERS,
                  (("sgd", 30, 64, "constant"), ("adam", 12, 64, "cosine"), ("momentum", 12, 32, "linear"), ("rmsprop", 15, 64, "constant")))  # fmt: skip
    yield from of("graph-net", "table", numbers.graph, numbers.GraphNet, _CLASSES,
                  (("adam", 200, 360, "constant"), ("momentum", 300, 360, "cosine"), ("adamw", 150, 360, "linear")))  # fmt: skip
    yield from of("moons-denoiser", "table", numbers.moons, numbers.Denoiser, _NUMBERS,
                  (("adamw", 60, 64, "cosine"), ("adam", 40, 32, "constant"), ("momentum", 60, 64, "linear")))  # fmt: skip
    yield from of("waves-sines", "table", numbers.waves, numbers.Sines, _NUMBERS,
                  (("adam", 80, 48, "cosine"), ("momentum", 60, 48, "constant"), ("rmsprop", 60, 64, "linear")))  # fmt: skip
    yield from of("spheres-residual", "table", numbers.spheres, numbers.Residuals, numbers.smoothed,
                  (("adamw", 16, 64, "cosine"), ("momentum", 16, 48, "linear"), ("sgd", 20, 48, "constant"), ("rmsprop", 10, 48, "cosine")))  # fmt: skip
    yield from of("spreads-net", "table", numbers.spreads, lambda: nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 2)), numbers.likelihood,
                  (("adam", 50, 32, "linear"), ("momentum", 40, 32, "constant"), ("sgd", 60, 16, "cosine")))  # fmt: skip
    yield from of("sorting-attention", "language model", numbers.sorting, numbers.Sorter, lambda scores, targets: _CLASSES(scores.flatten(0, 1), targets.flatten()),
                  (("adamw", 14, 48, "cosine"), ("momentum", 14, 48, "constant"), ("adam", 10, 32, "linear")))  # fmt: skip
