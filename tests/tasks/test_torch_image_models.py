"""Models of images: their sizes, what they do to images in training, and that a run of them is resumed to the bit."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lrlab.api.data import data_task  # noqa: E402
from lrlab.tasks.protocol import Task  # noqa: E402
from lrlab.tasks.torch_image_models import Pictured, cnn, resnet  # noqa: E402
from lrlab.testing.task_kit import TaskKit  # noqa: E402

pytestmark = pytest.mark.torch

MODELS = pytest.mark.parametrize("make", [cnn, resnet])
CLASSES = np.arange(70) % 2


def saved(folder, *, count=70, size=12) -> str:
    """Stripes, upright and lying."""
    draw = np.random.default_rng(0)
    stripes = np.tile(np.arange(size) % 4 < 2, (count, size, 1)) * 150.0
    x = np.where(CLASSES[:count, None, None], stripes, stripes.transpose(0, 2, 1))
    np.savez(folder / "stripes.npz", x=x + draw.normal(0, 40, x.shape), y=CLASSES[:count])
    return str(folder / "stripes.npz")


class ImageKit(TaskKit):
    """The kit over a training with everything that draws."""

    MODEL = ""
    AUGMENT = "shift+flip"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.path = saved(tmp_path)

    def task(self) -> Task:
        return data_task(
            "images",
            self.path,
            model=self.MODEL,
            augment=self.AUGMENT,
            budget=4,
            batch_size=8,
            schedule="cosine",
        )


class TestCnn(ImageKit):
    MODEL = "cnn"


class TestResnet(ImageKit):
    MODEL = "resnet"


class TestCnnThatShifts(ImageKit):
    MODEL, AUGMENT = "cnn", "shift"


@MODELS
@pytest.mark.parametrize("size", [8, 9, 12, 15, 16, 17, 28, 31, 33, 64, 100, 224])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_size_gives_scores_and_gradients(make, size, channels):
    model = make(channels=channels, size=size, outputs=4, augment="shift+flip")
    x = torch.randn(2, channels, size, size)
    scores = model(x)
    assert scores.shape == (2, 4)
    scores.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())
    assert model.eval()(x).shape == (2, 4)


@MODELS
@pytest.mark.parametrize("size", [8, 12, 17, 28])
def test_a_batch_of_one_is_trained_on(make, size):
    model = make(channels=1, size=size, outputs=2)
    score = model(torch.randn(1, 1, size, size))
    assert score.isfinite().all()


@pytest.mark.parametrize("model", ["cnn", "resnet"])
@pytest.mark.parametrize("batch_size", [1, 41])
def test_a_last_batch_of_one_is_trained_on(tmp_path, model, batch_size):
    recipe = data_task("images", saved(tmp_path, size=8), model=model, budget=2, batch_size=batch_size)
    assert len(recipe.data[0]) % 41 == 1
    records = list(recipe.start(1e-3, seed=0).advance(2))
    assert np.isfinite(records[-1].metrics["val_loss"])


@MODELS
def test_what_an_image_scores_does_not_depend_on_the_others(make):
    torch.manual_seed(0)
    model = make(channels=1, size=8, outputs=3, augment="shift+flip")
    x = torch.randn(2**19 // 64 + 5, 1, 8, 8)
    model(x[:40])  # batch statistics
    model.eval()
    before = torch.get_rng_state()
    with torch.no_grad():
        scores = model(x)
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.equal(model(x), scores)
        torch.testing.assert_close(model(x[-3:]), scores[-3:])


def pictured(augment: str) -> Pictured:
    return Pictured(torch.nn.Identity(), augment)


def all_moved(image: torch.Tensor, most: int) -> list[torch.Tensor]:
    """The image in every place, what comes in at an edge repeating it."""
    padded = torch.nn.functional.pad(image[None], (most,) * 4, mode="replicate")[0]
    side = image.shape[-1]
    steps = range(2 * most + 1)
    return [padded[:, down : down + side, right : right + side] for down in steps for right in steps]


@pytest.mark.parametrize("size", [8, 17])
@pytest.mark.parametrize("augment", ["none", "shift", "flip", "shift+flip"])
def test_images_are_varied_as_named(augment, size):
    torch.manual_seed(0)
    image = torch.randn(3, size, size)
    expected = all_moved(image, size // 8) if "shift" in augment else [image]
    if "flip" in augment:
        expected += [each.flip(-1) for each in expected]
    seen = pictured(augment)(image.expand(400, -1, -1, -1))
    found = [[torch.equal(each, one) for one in expected].index(True) for each in seen]
    assert set(found) == set(range(len(expected)))
    assert min(np.bincount(found)) > 400 / len(expected) / 5


def test_each_image_keeps_its_place_in_the_batch():
    torch.manual_seed(0)
    levels = torch.arange(6.0)[:, None, None, None].expand(-1, 2, 8, 8)
    assert torch.equal(pictured("shift+flip")(levels), levels)


def test_images_are_not_varied_in_evaluation_nor_in_place():
    image = torch.randn(5, 1, 9, 9)
    kept = image.clone()
    assert torch.equal(pictured("shift+flip").eval()(image), kept)
    pictured("shift+flip")(image)
    assert torch.equal(image, kept)


def test_another_seed_varies_them_otherwise():
    image = torch.randn(1, 1, 16, 16).expand(50, -1, -1, -1)
    torch.manual_seed(0)
    first, second = pictured("shift")(image), pictured("shift")(image)
    torch.manual_seed(0)
    assert torch.equal(pictured("shift")(image), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_they_learn(tmp_path, model):
    recipe = data_task("images", saved(tmp_path), model=model, budget=12, batch_size=8)
    session = recipe.start(3e-3, seed=0)
    records = list(session.advance(12))
    assert records[-1].metrics["val_acc"] > 0.9
    scores = recipe.test_scores(recipe.load_model(session.state()))
    assert set(scores) == {"test_loss", "test_acc", "test_balanced_acc", "test_f1", "test_auroc"}
    assert scores["test_acc"] > 0.9


def test_the_augmentation_is_part_of_what_is_trained(tmp_path):
    path = saved(tmp_path)
    prints = {data_task("images", path, augment=name).fingerprint for name in ("none", "shift", "flip")}
    assert len(prints) == 3
    assert data_task("images", path).fingerprint in prints
