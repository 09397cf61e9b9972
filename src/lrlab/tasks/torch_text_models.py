"""Small models of texts: rows ``(n, length)`` of places in a vocabulary, 0 behind the last word, to scores.

What a text gives does not depend on how much padding stands behind it, nor on the other texts of a batch; a text
without a word gives the scores of a mean of nothing.
"""

import torch
from torch import nn

from lrlab.tasks.data.words import PADDING
from lrlab.tasks.torch_models import InParts


def bag(*, vocabulary: int, outputs: int, width: int = 64) -> nn.Module:
    """The mean of the words' vectors, and a line through it: their order does not count.

    Joulin et al., Bag of Tricks for Efficient Text Classification, 2017, https://arxiv.org/abs/1607.01759.

    Args:
        vocabulary: Words, padding and unknown included.
        outputs: Scores a text.
        width: Numbers a word.
    """
    return InParts(_Text(vocabulary, nn.Identity(), width=width, outputs=outputs))


def gru(*, vocabulary: int, outputs: int, width: int = 64) -> nn.Module:
    """A gated recurrent network that reads word by word, and the mean of its states.

    Cho et al., Learning Phrase Representations, 2014, https://arxiv.org/abs/1406.1078.

    Args:
        vocabulary: Words, padding and unknown included.
        outputs: Scores a text.
        width: Numbers a word, and of the state.
    """
    return InParts(_Text(vocabulary, _Recurrent(width), width=width, outputs=outputs))


def transformer(
    *, vocabulary: int, outputs: int, length: int, width: int = 64, heads: int = 4, blocks: int = 2
) -> nn.Module:
    """Blocks of self-attention over words and their places, and the mean of what they give.

    Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762, with learned places, and norms
    in front of each block (Xiong et al., 2020, https://arxiv.org/abs/2002.04745).

    Args:
        vocabulary: Words, padding and unknown included.
        outputs: Scores a text.
        length: Words of the longest text.
        width: Numbers a word; a multiple of ``heads``.
        heads: Of each block.
        blocks: How many.
    """
    body = _Attentive(length=length, width=width, heads=heads, blocks=blocks)
    return InParts(_Text(vocabulary, body, width=width, outputs=outputs))


class _Text(nn.Module):
    """Words to vectors, vectors to vectors, and their mean to scores."""

    def __init__(self, vocabulary: int, body: nn.Module, *, width: int, outputs: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=PADDING)
        nn.init.normal_(self.words.weight, std=0.1)
        with torch.no_grad():
            self.words.weight[PADDING] = 0
        self.body = body
        self.drop = nn.Dropout(0.5)
        self.scores = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, : _longest(x)]
        there = x != PADDING
        vectors = self.drop(self.words(x))
        if not isinstance(self.body, nn.Identity):
            vectors = self.body(vectors, there)
        weights = there.unsqueeze(-1).to(vectors.dtype)
        mean = (vectors * weights).sum(1) / weights.sum(1).clamp(min=1)
        return self.scores(self.drop(mean))  # type: ignore[no-any-return]


class _Recurrent(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, vectors: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        states, _ = self.gru(vectors)  # forwards only: what stands behind a word does not change its state
        return states  # type: ignore[no-any-return]


class _Attentive(nn.Module):
    def __init__(self, *, length: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        vectors = vectors + self.places[: vectors.shape[1]]
        seen = there.clone()
        seen[:, 0] = True  # a text without a word attends to its padding, whose output counts nothing: no NaN
        for block in self.blocks:
            vectors = block(vectors, seen)
        return self.norm(vectors)  # type: ignore[no-any-return]


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.give = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(0.1)

    def forward(self, vectors: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        asked = self.ask(self.before(vectors)).unflatten(-1, (3, self.heads, -1))
        query, key, value = asked.permute(2, 0, 3, 1, 4)  # each (n, heads, length, width / heads)
        given = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:, None, None])
        vectors = vectors + self.drop(self.give(given.transpose(1, 2).flatten(2)))
        return vectors + self.drop(self.think(self.between(vectors)))  # type: ignore[no-any-return]


def _longest(x: torch.Tensor) -> int:
    """Words of the longest text of a batch, at least 1: the rest is not computed."""
    used = (x != PADDING).any(0).nonzero()
    return int(used.max()) + 1 if len(used) else 1
