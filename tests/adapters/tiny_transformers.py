"""Two transformers that train in a moment, from configurations: nothing is downloaded."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainingArguments,
)

_draw = torch.Generator().manual_seed(0)
WORDS = torch.randint(2, 30, (56, 6), generator=_draw)
FEW = {"per_device_train_batch_size": 8, "logging_steps": 2, "num_train_epochs": 4, "use_cpu": True}


class Rows(torch.utils.data.Dataset):
    """Rows of words; the label says whether the first one comes early in the alphabet."""

    def __init__(self, words: torch.Tensor) -> None:
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.words[index], "labels": (self.words[index, 0] < 15).long()}


class Sentences(Rows):
    """The same words for a language model."""

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.words[index], "labels": self.words[index]}


def classifier() -> BertForSequenceClassification:
    """A BERT of one layer, with dropout."""
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=30,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=8,
        )
    )


def writer() -> GPT2LMHeadModel:
    """A GPT of two layers, with dropout and tied embeddings."""
    return GPT2LMHeadModel(GPT2Config(vocab_size=30, n_positions=8, n_embd=16, n_layer=2, n_head=2))


def accuracy(told: Any) -> dict[str, float]:
    return {"accuracy": float((told.predictions.argmax(-1) == told.label_ids).mean())}


def trainer(run: Any, *, model: Any = None, arguments: dict[str, Any] | None = None, **parts: Any) -> Trainer:
    """A classifier's Trainer, with other parts where they are given."""
    settings = {
        "output_dir": run.folder,
        "learning_rate": run.lr,
        "seed": run.seed,
        **FEW,
        **(arguments or {}),
    }
    known = {
        "train_dataset": Rows(WORDS[:32]),
        "eval_dataset": Rows(WORDS[32:]),
        "compute_metrics": accuracy,
    }
    return Trainer(
        model=classifier() if model is None else model,
        args=TrainingArguments(**settings),
        **{**known, **parts},
    )


@pytest.fixture(scope="module", autouse=True)
def _quick_collection() -> Iterator[None]:
    """Every ``Trainer.train`` collects garbage, which takes half a second with all of transformers to walk over."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
