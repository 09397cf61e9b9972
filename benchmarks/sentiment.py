"""Customer feedback, three models: test accuracy at the framework's default rate, at lrlab's answer, and of a full grid.

The Amazon sentences of the VADER evaluation, below 0 against at least 0. Bag of embeddings and GRU are what ``lrlab sweep
text`` trains (AdamW, default 1e-3); the transformer is a small BERT from random weights through transformers' ``Trainer``
(AdamW, linear decay, default 5e-5), with a WordPiece tokenizer made from the training part: nothing is downloaded. For each
model and seed: one training at the default rate, lrlab's search over the range that it takes by itself, and a grid of two
rates a decade over the same range, each to the end. Test results are of the weights of the best epoch, on sentences that none
of them saw. Regret is the search's score on the validation part minus the best of the grid, over the untrained score minus
that best.

Run: LRLAB_DATA=... python -m benchmarks.sentiment [--only MODEL] [--seeds 3] [-o FILE.json]
What FILE.json holds already is not trained again, so that a run that was cut goes on.
"""

import argparse
import csv
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

import lrlab
from benchmarks.kept import output_option, save
from benchmarks.workloads import data_folder
from lrlab.api.data import data_task

PLACE = "sentiment/amazonReviewSnippets_GroundTruth.txt"
DEFAULTS = {"bag": 1e-3, "gru": 1e-3, "transformer": 5e-5}  # AdamW's in PyTorch, and the Trainer's
PER_DECADE = 2
EPOCHS = 10
Part = tuple[list[str], list[int]]


def sentences(path: Path) -> tuple[Part, Part, Part]:
    """Texts and labels in three parts: 60, 20 and 20 per cent; copies of a text are left out."""
    with path.open(encoding="latin-1", newline="") as file:
        rows = {
            row[2]: int(float(row[1]) >= 0) for row in csv.reader(file, "excel-tab", quoting=csv.QUOTE_NONE)
        }
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0)).tolist()
    every = list(rows.items())
    first, second = int(0.6 * len(every)), int(0.8 * len(every))

    def part(indices: list[int]) -> Part:
        return [every[i][0] for i in indices], [every[i][1] for i in indices]

    return part(order[:first]), part(order[first:second]), part(order[second:])


def tokenizer_of(texts: list[str]) -> Any:
    """A WordPiece tokenizer of 2,000 pieces made from ``texts``."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=2000, special_tokens=special, show_progress=False)
    )
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=48,
    )  # fmt: skip


def rows_of(part: Part, tokenizer: Any) -> list[dict[str, Any]]:
    """What a Trainer takes: token numbers and a label for each sentence."""
    known = tokenizer(part[0], truncation=True)["input_ids"]
    return [{"input_ids": ids, "labels": label} for ids, label in zip(known, part[1], strict=True)]


def small_bert(run: Any, *, tokenizer: Any, train: list[dict[str, Any]], val: list[dict[str, Any]]) -> Any:
    """The Trainer of one run."""
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=48, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    arguments = TrainingArguments(
        output_dir=run.folder, learning_rate=run.lr, num_train_epochs=EPOCHS, per_device_train_batch_size=64,
        per_device_eval_batch_size=256, use_cpu=True,
    )  # fmt: skip
    return Trainer(
        model=BertForSequenceClassification(config), args=arguments, train_dataset=train, eval_dataset=val,
        processing_class=tokenizer,
    )  # fmt: skip


class Case:
    """One model on the sentences: its task, and how a trained model does on the test part."""

    def __init__(self, model: str, path: Path) -> None:
        self.model = model
        self.task: Any
        if model == "transformer":
            train, val, test = sentences(path)
            self._tokenizer = tokenizer_of(train[0])
            self._test = test
            make = partial(
                small_bert,
                tokenizer=self._tokenizer,
                train=rows_of(train, self._tokenizer),
                val=rows_of(val, self._tokenizer),
            )
            self.task = lrlab.huggingface(make, metric="eval_loss", name="small-bert")
        else:
            self.task = data_task("text", path, threshold=0.0, model=model, budget=EPOCHS)

    def test_accuracy(self, trained: Any) -> float:
        """Share of the test part that a trained model has right."""
        if self.model != "transformer":
            return float(self.task.test_scores(trained)["test_acc"])
        texts, labels = self._test
        batch = self._tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
        with torch.inference_mode():
            said = trained(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits.argmax(-1)
        return float((said == torch.tensor(labels)).float().mean())

    def at_rate(self, lr: float, seed: int) -> float:
        """Test accuracy of one training to the end."""
        session = self.task.start(lr, seed=seed)
        for _ in session.advance(self.task.budget):
            pass
        accuracy = self.test_accuracy(self.task.load_model(session.state(), best=True))
        session.close()
        return accuracy

    def row(self, seed: int) -> dict[str, Any]:
        """Everything for one seed."""
        span = self.task.default_lr_range
        count = round(PER_DECADE * span.decades) + 1
        began = time.process_time()
        default = self.at_rate(DEFAULTS[self.model], seed)
        alone = time.process_time() - began
        with tempfile.TemporaryDirectory() as store:
            began = time.process_time()
            found = lrlab.sweep(self.task, seed=seed, workers=0, store=store)
            seconds = time.process_time() - began
            grid = lrlab.sweep(self.task, seed=seed, workers=0, store=store, searcher=f"grid:{count}")
            answer, best = (self.test_accuracy(one.load_model(self.task)) for one in (found, grid))
        if not (found.score and grid.score and grid.untrained):
            sys.exit(f"sentiment: {self.model}, seed {seed}: no score: {found} {grid}")
        return {
            "model": self.model, "seed": seed, "default_lr": DEFAULTS[self.model], "lr": found.lr, "grid_lr": grid.lr,
            "interval": found.interval, "cost": found.cost, "grid_cost": grid.cost, "seconds": seconds,
            "default_seconds": alone, "regret": (found.score - grid.score) / (grid.untrained - grid.score),
            "default": default, "answer": answer, "grid": best,
        }  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """A table for a page: every case, and the means of each model."""
    lines = [
        "| model | seed | default | lrlab's rate | grid's best | regret | cost | grid's cost "
        "| test accuracy: default | lrlab | grid |",
        "|" + " --- |" * 11,
    ]

    def scores(values: list[float]) -> str:
        return " | ".join(f"{value:.3f}" for value in values)

    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        for row in own:
            told = scores([row["default"], row["answer"], row["grid"]])
            lines.append(
                f"| {model} | {row['seed']} | {row['default_lr']:.2g} | {row['lr']:.2g} | {row['grid_lr']:.2g} "
                f"| {100 * row['regret']:.2f} % | {row['cost']:.2f} | {row['grid_cost']:.1f} | {told} |"
            )
        means = {name: statistics.fmean(row[name] for row in own) for name in ("default", "answer", "grid")}
        cost, grid_cost, regret = (
            statistics.fmean(row[name] for row in own) for name in ("cost", "grid_cost", "regret")
        )
        lines.append(
            f"| {model}, mean | | | | | {100 * regret:.2f} % | {cost:.2f} | {grid_cost:.1f} | {scores([*means.values()])} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=tuple(DEFAULTS), action="append")
    parser.add_argument("--seeds", type=int, default=3)
    output_option(parser)
    args = parser.parse_args()
    folder = data_folder()
    if folder is None:
        print("sentiment: skipped: LRLAB_DATA is not set")
        return 0
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    if args.output and args.output.exists():
        rows = json.loads(args.output.read_text())
    done = {(row["model"], row["seed"]) for row in rows}
    for model in args.only or DEFAULTS:
        left = [seed for seed in range(args.seeds) if (model, seed) not in done]
        case = Case(model, folder / PLACE) if left else None
        for seed in left:
            assert case is not None
            rows.append(case.row(seed))
            print(table(rows[-1:]).split("\n")[2], flush=True)
            save(rows, args.output)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
