"""The worked pages of the documentation: medical images, customer feedback and movie reviews, with their pictures.

For each training: lrlab's search with the usual rate of 1e-3 among its runs; then, on the part that no search saw, the test
result at 1e-3, at lrlab's answer, and at rates ten times higher and lower than the answer, all with the same seed and the
weights of the best unit. docs/medical-images.md, docs/customer-feedback.md and docs/movie-reviews.md
hold what this prints.

Run: LRLAB_DATA=... python -m benchmarks.worked_examples [--only NAME] [--pictures docs/pictures] [-o FILE.json]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

import lrlab
from benchmarks.kept import output_option, save
from benchmarks.workloads import data_folder
from lrlab.api.data import data_task
from lrlab.tasks.torch_data_recipe import DataRecipe

USUAL = 1e-3
_AMAZON = ("text", "sentiment/amazonReviewSnippets_GroundTruth.txt")
_MOVIES = ("text", "sentiment/movieReviewSnippets_GroundTruth.txt")
EXAMPLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "breast-ultrasound": ("images", "medmnist/breastmnist.npz", {"model": "cnn"}),
    "blood-cells": ("images", "bccd/crops24.npz", {"model": "resnet"}),
    "feedback-bag": (*_AMAZON, {"threshold": 0.0, "model": "bag"}),
    "feedback-gru": (*_AMAZON, {"threshold": 0.0, "model": "gru"}),
    "feedback-transformer": (*_AMAZON, {"threshold": 0.0, "model": "transformer"}),
    "movies-bag": (*_MOVIES, {"threshold": 0.0, "model": "bag"}),
    "movies-transformer": (*_MOVIES, {"threshold": 0.0, "model": "transformer"}),
}


def trained(recipe: DataRecipe, lr: float) -> dict[str, float]:
    """Test scores of one training to the end, with the weights of its best unit."""
    session = recipe.start(lr, seed=0)
    for _ in session.advance(recipe.budget):
        pass
    scores = recipe.test_scores(recipe.load_model(session.state(), best=True))
    session.close()
    return scores


def example(name: str, folder: Path, pictures: Path | None) -> dict[str, Any]:
    """One training's rows, and its picture."""
    kind, place, options = EXAMPLES[name]
    recipe = data_task(kind, folder / place, **options)
    answer = lrlab.sweep(recipe, current_lr=USUAL, workers=1, store="memory")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        answer.plot(pictures / f"{name}.png")
    rows = {
        "usual rate": (USUAL, trained(recipe, USUAL)),
        "lrlab's answer": (answer.lr, trained(recipe, answer.lr)),
        "ten times the answer": (10 * answer.lr, trained(recipe, 10 * answer.lr)),
        "a tenth of the answer": (answer.lr / 10, trained(recipe, answer.lr / 10)),
    }
    return {
        "example": name,
        "says": str(answer),
        "cost": answer.cost,
        "description": recipe.description,
        "rows": [{"what": what, "lr": lr, **scores} for what, (lr, scores) in rows.items()],
    }


def table(told: dict[str, Any]) -> str:
    """A table for a page."""
    names = [name for name in told["rows"][0] if name.startswith("test_")]
    lines = [
        f"{told['example']}: {told['description']}",
        told["says"],
        "| rate | | " + " | ".join(name.removeprefix("test_") for name in names) + " |",
        "| --- | --- | " + " | ".join("---" for _ in names) + " |",
    ]
    for row in told["rows"]:
        lines.append(
            f"| {row['lr']:.2g} | {row['what']} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=tuple(EXAMPLES), action="append")
    parser.add_argument("--pictures", type=Path)
    output_option(parser)
    args = parser.parse_args()
    folder = data_folder()
    if folder is None:
        print("worked_examples: skipped: LRLAB_DATA is not set")
        return 0
    torch.set_num_threads(1)
    told = []
    for name in args.only or EXAMPLES:
        told.append(example(name, folder, args.pictures))
        print(table(told[-1]), flush=True)
    save(told, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
