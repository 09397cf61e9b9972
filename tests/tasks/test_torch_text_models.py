"""Models of texts: padding and neighbours change nothing, and each learns what only it can."""

import pytest

torch = pytest.importorskip("torch")

from lrlab.tasks.torch_text_models import bag, gru, transformer  # noqa: E402

pytestmark = pytest.mark.torch

MODELS = {
    "bag": lambda: bag(vocabulary=20, outputs=3),
    "gru": lambda: gru(vocabulary=20, outputs=3),
    "transformer": lambda: transformer(vocabulary=20, outputs=3, length=12),
}
each_model = pytest.mark.parametrize("name", MODELS)


def made(name: str) -> "torch.nn.Module":
    torch.manual_seed(0)
    return MODELS[name]().eval()


def texts(count: int, length: int) -> "torch.Tensor":
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(1, 20, (count, length), generator=draw)
    ends = torch.randint(1, length + 1, (count, 1), generator=draw)
    return x * (torch.arange(length) < ends)


@each_model
def test_padding_changes_nothing(name):
    model, x = made(name), texts(40, 7)
    padded = torch.nn.functional.pad(x, (0, 5))
    longer = padded.clone()
    longer[0] = 3  # a neighbour of full length: the others have all of their padding
    torch.testing.assert_close(model(padded), model(x))
    torch.testing.assert_close(model(longer)[1:], model(x)[1:])


@each_model
def test_a_text_alone_is_as_among_others(name):
    model, x = made(name), texts(30, 12)
    torch.testing.assert_close(torch.cat([model(row[None]) for row in x]), model(x))


@each_model
def test_many_texts_are_as_few(name):
    model, x = made(name), texts(1100, 6)
    torch.testing.assert_close(model(x)[:40], model(x[:40]))


@each_model
def test_a_text_without_words_has_scores_and_gradients(name):
    model = made(name).train()
    x = torch.cat([torch.zeros(2, 12, dtype=torch.int64), texts(3, 12)])
    model(x).square().sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in model.parameters())
    alone = made(name)(torch.zeros(4, 12, dtype=torch.int64))
    assert alone.shape == (4, 3)
    torch.testing.assert_close(alone, made(name)(x)[:1].expand(4, 3))


@each_model
def test_the_padding_has_no_vector_and_learns_none(name):
    model = made(name).train()
    words = model.net.words
    model(texts(8, 12)).sum().backward()
    assert not words.weight[0].any()
    assert not words.weight.grad[0].any()
    assert words.weight.grad[1:].any()


def loss_after(model: "torch.nn.Module", x: "torch.Tensor", y: "torch.Tensor", steps: int) -> float:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model.train()(x), y).backward()
        optimizer.step()
    return torch.nn.functional.cross_entropy(model.eval()(x), y).item()


@each_model
def test_a_word_is_learned(name):
    x = texts(120, 12)
    y = (x == 7).any(1).long()
    assert loss_after(made(name), x, y, 60) < 0.2


@pytest.mark.parametrize(("name", "learns"), [("bag", False), ("gru", True), ("transformer", True)])
def test_the_order_of_words_counts_where_it_should(name, learns):
    draw = torch.Generator().manual_seed(2)
    y = torch.randint(2, (200,), generator=draw)
    x = torch.where(y[:, None] == 1, torch.tensor([3, 4]), torch.tensor([4, 3]))
    assert (loss_after(made(name), x, y, 60) < 0.1) is learns
