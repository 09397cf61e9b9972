"""``lrlab sweep images``: a folder on the command line, to the test scores of the winner; and what is refused."""

import gzip
import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.torch

SMALL = ("--budget", 4, "--workers", 0, "--searcher", "grid:3", "--lr", "1e-4:1e-1", "--batch-size", 8)
DRAW = np.random.default_rng(0)
CLASSES = np.arange(80) % 2
STRIPES = np.tile(np.arange(10) % 4 < 2, (80, 10, 1)) * 150.0
PIXELS = np.where(CLASSES[:, None, None], STRIPES, STRIPES.transpose(0, 2, 1))
PIXELS = np.clip(PIXELS + DRAW.normal(40, 20, PIXELS.shape), 0, 255).astype(np.uint8)


def save_folder(root: Path) -> None:
    for index, (image, label) in enumerate(zip(PIXELS, CLASSES, strict=True)):
        place = root / ("lying", "upright")[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:02}.png")


@pytest.fixture
def files(place):
    save_folder(place / "stripes")
    np.savez(place / "stripes.npz", x=PIXELS, y=CLASSES)
    return place


def test_a_folder_is_swept_and_the_winner_judged(lrlab, files):
    said = lrlab("sweep", "images", "stripes", *SMALL)
    assert said.code in (0, 5), said.err
    assert said.out.startswith("Use LR ")
    judged = said.out.splitlines()[-1]
    assert judged.startswith("The winner on the test part, which no search saw: loss ")
    assert [word in judged for word in (" acc ", " balanced_acc ", " f1 ", " auroc ")] == [True] * 4
    told = " ".join(said.err.split())
    assert "stripes: 80 images of 10x10 in gray, 2 classes (lying 40, upright 40); 48 to train on" in told
    assert "Training images are moved at random by up to an eighth of their size." in told


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_models_learn(lrlab, files, model):
    said = lrlab("sweep", "images", "stripes", "--model", model, "--augment", "shift+flip", "--json", *SMALL)
    document = said.document
    assert (document["ok"], document["metric"]) == (True, "val_loss:min")
    assert document["test"]["test_acc"] > 0.8
    assert document["score"] < document["untrained"]


def test_a_folder_and_its_archive_give_one_answer(lrlab, files):
    order = np.argsort(CLASSES, kind="stable")
    np.savez(files / "sorted.npz", images=PIXELS[order], labels=CLASSES[order])
    documents = [
        lrlab("sweep", "images", name, "--json", *SMALL).document for name in ("stripes", "sorted.npz")
    ]
    assert documents[0]["lr"] == documents[1]["lr"]
    assert documents[0]["test"] == documents[1]["test"]


def test_options_are_heard(lrlab, files):
    said = lrlab(
        "sweep",
        "images",
        "stripes.npz",
        "--image-size",
        16,
        "--augment",
        "none",
        "--metric",
        "val_auroc",
        *SMALL,
    )
    told = " ".join(said.err.split())
    assert "80 images of 16x16 in gray, scaled from 10x10" in told
    assert "Training images are used as they are." in told


def test_what_a_reader_must_know_is_in_the_answer(lrlab, files):
    (files / "stripes" / "lying" / "notes.txt").write_text("none")
    (files / "stripes" / "lying" / "copy.png").write_bytes(
        (files / "stripes" / "lying" / "00.png").read_bytes()
    )
    document = lrlab("sweep", "images", "stripes", "--json", *SMALL).document
    assert {"LEFT_OUT", "DUPLICATES"} <= {warning["code"] for warning in document["warnings"]}


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_an_interrupted_study_goes_on_from_another_folder(lrlab, files, monkeypatch, model):
    words = ("sweep", "images", "stripes", "--model", model, "--json", *SMALL)
    first = lrlab(*words, "--max-time", "1e-3", "--study", "short").document
    assert not first["final"]
    (files / "elsewhere").mkdir()
    monkeypatch.chdir(files / "elsewhere")
    second = lrlab("resume", "short", "--workers", 0, "--json").document
    monkeypatch.chdir(files)
    whole = lrlab(*words, "--study", "whole").document
    told = ("lr", "interval", "safe_range", "score", "cost", "test")
    assert {name: second[name] for name in told} == {name: whole[name] for name in told}


def test_a_changed_image_is_another_study(lrlab, files):
    words = ("sweep", "images", "stripes", "--study", "mine", *SMALL)
    lrlab(*words, "--max-time", "1e-3")
    Image.fromarray(PIXELS[0].T.copy()).save(files / "stripes" / "lying" / "00.png")
    for said in (lrlab("resume", "mine"), lrlab(*words)):
        assert (said.code, 'study "mine" cannot be continued' in said.err) == (8, True)


def test_options_of_images_are_for_images(lrlab, sweep, place):
    for option, value in (("--image-size", 16), ("--augment", "none")):
        said = lrlab(*sweep, option, value)
        assert (said.code, f"{option} is for data (table, text, images)" in " ".join(said.err.split())) == (
            2,
            True,
        )


# --- what is refused ----------------------------------------------------------------------------------------


def archive(**arrays) -> Callable[[Path], str]:
    def make(root: Path) -> str:
        np.savez(root / "made.npz", **arrays)
        return "made.npz"

    return make


def raw(name: str, content: bytes, **beside: bytes) -> Callable[[Path], str]:
    def make(root: Path) -> str:
        (root / name).write_bytes(content)
        for other, held in beside.items():
            (root / other.replace("__", "-")).write_bytes(held)
        return name

    return make


def among_others(name: str, content: bytes) -> Callable[[Path], str]:
    """The folder of stripes with one more file."""

    def make(root: Path) -> str:
        save_folder(root / "more")
        (root / "more" / "lying" / name).write_bytes(content)
        return "more"

    return make


def folders(*names: str, image: bool = True) -> Callable[[Path], str]:
    def make(root: Path) -> str:
        (root / "made").mkdir()
        for name in names:
            (root / "made" / name).mkdir(parents=True)
            if image:
                Image.fromarray(PIXELS[0]).save(root / "made" / name / "a.png")
        return "made"

    return make


def lone_images(root: Path) -> str:
    save_folder(root / "s")
    return "s/lying"


def class_that_is_not_trained(root: Path) -> str:
    save_folder(root / "made" / "train")
    save_folder(root / "made" / "test")
    (root / "made" / "test" / "lying").rename(root / "made" / "test" / "askew")
    return "made"


def nothing_readable(root: Path) -> str:
    save_folder(root / "made")
    (root / "made" / "lying" / "00.png").unlink()
    (root / "made" / "lying" / "00.png").symlink_to("gone.png")
    return "made"


def saved(image, form: str, **saving) -> bytes:
    held = io.BytesIO()
    image.save(held, format=form, **saving)
    return held.getvalue()


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.astype("u1").tobytes()


PNG = saved(Image.fromarray(PIXELS[0]), "png")
JPEG = saved(Image.fromarray(PIXELS[0]), "jpeg")
HUGE = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    for name, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    )
)
OBJECTS = np.array([{"a": 1}] * 80, dtype=object)
LABELS = idx(CLASSES)
REFUSED = {
    "no path": (None, (), 2, "where is the data? Name a file or folder: lrlab sweep images PATH"),
    "not there": ("nothing", (), 7, "nothing: expected a folder of class folders, an .npz file, a pair of IDX files, medmnist:NAME or hf:NAME, and it is not there"),
    "a text file": (raw("a.csv", b"a,b\n"), (), 2, "a.csv: expected a folder of class folders, an .npz file, a pair of IDX files, medmnist:NAME or hf:NAME, got a file of another kind"),
    "a lone image": (raw("a.png", PNG), (), 2, "a.png: expected a folder of class folders"),
    "empty folder": (folders(), (), 2, "made: expected a folder for each class, such as made/cat and made/dog, got no folder"),
    "no class folders": (lone_images, (), 2, "lying: expected a folder for each class, such as lying/cat and lying/dog, got 40 images and no folder. Put the images"),
    "one class": (folders("cat"), (), 2, "made: there is one class folder, 'cat', and two classes are needed. Add a folder"),
    "one folder too high": (folders("pets/cat", "pets/dog"), (), 2, "there is one class folder, 'pets', and two classes are needed. Name the folder inside: "),
    "empty class": (folders("cat", "dog", image=False), (), 2, "made/cat: expected images (.png, .jpg"),
    "only val and test": (folders("val/a", "val/b", "test/a", "test/b"), (), 2, "made: there are folders 'test', 'val' and none called train"),
    "a part twice": (folders("train/a", "train/b", "val/a", "val/b", "valid/a"), (), 2, "two of the folders 'train', 'val', 'valid' are the same part"),
    "a part without classes": (folders("train", "test"), (), 2, "made/test: expected a folder for each class, such as test/cat and test/dog, got 1 image and no folder"),
    "too few": (folders("cat", "dog"), (), 2, "made, copies counted once: 1 samples are too few to train, choose and judge with"),
    "class not trained": (class_that_is_not_trained, (), 2, "made: no image of the class 'askew' is in the training part"),
    "broken link": (nothing_readable, (), 2, "lrlab: made/lying/00.png: expected an image that can be read to its end: No such file"),
    "cut off png": (among_others("cut.png", PNG[: len(PNG) // 2]), (), 2, "lrlab: more/lying/cut.png: expected an image that can be read to its end: image file is truncated"),
    "cut off jpeg": (among_others("cut.jpg", JPEG[:-150]), (), 2, "lrlab: more/lying/cut.jpg: expected an image that can be read to its end: "),
    "empty file": (among_others("empty.png", b""), (), 2, "lrlab: more/lying/empty.png: expected an image that can be read to its end: its content is no image. Save it again, or take it out"),
    "text as png": (among_others("text.png", b"hello\n" * 9), (), 2, "lrlab: more/lying/text.png: expected an image that can be read to its end: its content is no image"),
    "damaged png": (among_others("bad.png", PNG[:45] + b"\0\0\0" + PNG[48:]), (), 2, "lrlab: more/lying/bad.png: expected an image that can be read"),
    "a bomb": (among_others("huge.png", HUGE), (), 2, "lrlab: more/lying/huge.png: expected an image that can be read to its end: Image size (400000000 pixels)"),
    "npz is text": (raw("a.npz", b"hello"), (), 2, "a.npz: cannot be read as a NumPy archive"),
    "npz is empty": (raw("a.npz", b""), (), 2, "a.npz: cannot be read as a NumPy archive"),
    "npz is cut off": (raw("a.npz", b"PK\x03\x04" + b"\0" * 60), (), 2, "a.npz: cannot be read as a NumPy archive"),
    "npz is one array": (raw("a.npz", b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }" + b" " * 60 + b"\nx"), (), 2, "a.npz: expected a NumPy archive (.npz), got a single array"),
    "npz without names": (archive(a=PIXELS, b=CLASSES), (), 2, "made.npz: expected arrays 'x' and 'y', 'images' and 'labels', or 'train_images', 'train_labels' and so on, got 'a', 'b'"),
    "npz of nothing": (archive(), (), 2, "got none"),
    "no labels": (archive(x=PIXELS), (), 2, "and so on, got 'x'"),
    "no labels of a part": (archive(train_images=PIXELS, train_labels=CLASSES, test_images=PIXELS), (), 2, "made.npz: there is 'test_images' and no 'test_labels'"),
    "pickled labels": (archive(x=PIXELS, y=OBJECTS), (), 2, "made.npz: the array 'y' cannot be read: Object arrays cannot be loaded when allow_pickle=False"),
    "pickled images": (archive(x=OBJECTS, y=CLASSES), (), 2, "pickled objects are never read"),
    "images are texts": (archive(x=PIXELS.astype(str), y=CLASSES), (), 2, "made.npz: images must be numbers, got an array of <U"),
    "images are complex": (archive(x=PIXELS.astype(complex), y=CLASSES), (), 2, "images must be numbers, got an array of complex128"),
    "flat images": (archive(x=PIXELS.reshape(80, -1), y=CLASSES), (), 2, "expected images as (n, height, width) or (n, height, width, channels) with 1 or 3 channels, got the shape (80, 100)"),
    "two channels": (archive(x=PIXELS.reshape(80, 5, 10, 2), y=CLASSES), (), 2, "got the shape (80, 5, 10, 2)"),
    "volumes": (archive(x=PIXELS.reshape(80, 5, 5, 2, 2), y=CLASSES), (), 2, "got the shape (80, 5, 5, 2, 2)"),
    "no images": (archive(x=PIXELS[:0], y=CLASSES[:0]), (), 2, "got the shape (0, 10, 10)"),
    "a pixel is no number": (archive(x=np.where(np.arange(80)[:, None, None] == 7, np.nan, PIXELS), y=CLASSES), (), 2, "made.npz, image 7: a pixel is no finite number"),
    "huge pixels": (archive(x=PIXELS * 1e30, y=CLASSES), (), 2, "pixels are too large to compute with"),
    "labels are fractions": (archive(x=PIXELS, y=CLASSES / 2), (), 2, "made.npz: labels must be whole numbers or texts, got an array of float64"),
    "several labels": (archive(x=PIXELS, y=np.eye(2, dtype=int)[CLASSES]), (), 2, "expected one label an image, got 2: several classes at once are not learnt"),
    "labels of a shape": (archive(x=PIXELS, y=CLASSES[:, None, None]), (), 2, "expected labels as (n,), got the shape (80, 1, 1)"),
    "a label too few": (archive(x=PIXELS, y=CLASSES[1:]), (), 2, "made.npz: there are 80 images and 79 labels"),
    "one label": (archive(x=PIXELS, y=CLASSES * 0), (), 2, "made.npz: every sample is of the class '0'"),
    "a label each": (archive(x=PIXELS, y=np.arange(80)), (), 2, "made.npz: 80 different classes of 80 images are too many to learn"),
    "parts of other shapes": (archive(train_images=PIXELS, train_labels=CLASSES, test_images=PIXELS[:, 1:], test_labels=CLASSES), (), 2, "made.npz: the parts have images of different shapes, 9x10x1 and 10x10x1"),
    "labels of two kinds": (archive(train_images=PIXELS, train_labels=CLASSES, test_images=PIXELS, test_labels=CLASSES.astype(str)), (), 2, "labels are numbers in one part and texts in another"),
    "all black": (archive(train_images=PIXELS * 0, train_labels=CLASSES, val_images=PIXELS, val_labels=CLASSES, test_images=PIXELS, test_labels=CLASSES), (), 2, "made.npz, copies counted once: 1 samples are too few"),
    "idx without labels": (raw("images-idx3-ubyte", idx(PIXELS)), (), 7, "images-idx3-ubyte: expected its labels beside it, in labels-idx1-ubyte, and they are not there"),
    "idx with another beginning": (raw("images-idx3", b"\x89PNG" + idx(PIXELS), labels__idx1=LABELS), (), 2, "images-idx3: expected an IDX file, which begins with 00 00, a type and the number of dimensions, got 89 50 4e 47"),
    "idx of an unknown type": (raw("images-idx3", idx(PIXELS, 7), labels__idx1=LABELS), (), 2, "got 00 00 07 03"),
    "idx is empty": (raw("images-idx3", b"", labels__idx1=LABELS), (), 2, "got an empty file"),
    "idx is cut off": (raw("images-idx3", idx(PIXELS)[:-1], labels__idx1=LABELS), (), 2, "images-idx3: expected 8000 bytes of 80x10x10 values, got 7999. The file is cut off"),
    "idx is too long": (raw("images-idx3", idx(PIXELS) + b"0", labels__idx1=LABELS), (), 2, "expected 8000 bytes of 80x10x10 values, got more"),
    "idx of labels is cut off": (raw("images-idx3", idx(PIXELS), labels__idx1=LABELS[:20]), (), 2, "labels-idx1: expected 80 bytes of 80 values, got 12"),
    "idx that lies": (raw("images-idx3", idx(PIXELS)[:4] + b"\xff" * 12, labels__idx1=LABELS), (), 2, "images-idx3: the images need"),
    "idx of labels as images": (raw("images-idx3", LABELS, labels__idx1=LABELS), (), 2, "images-idx3: expected images as (n, height, width)"),
    "idx is no gzip": (raw("images-idx3.gz", gzip.compress(idx(PIXELS))[:-20], labels__idx1=LABELS), (), 2, "images-idx3.gz: cannot be unpacked"),
    "idx is damaged gzip": (raw("images-idx3.gz", b"\x1f\x8b\x08" + b"\0" * 60, labels__idx1=LABELS), (), 2, "images-idx3.gz: "),
    "size below": ("stripes", ("--image-size", 7), 2, "image_size: must be from 8 to 224 pixels, got 7. Name another --image-size"),
    "size above": ("stripes", ("--image-size", 225), 2, "image_size: must be from 8 to 224 pixels, got 225"),
    "size is text": ("stripes", ("--image-size", "large"), 2, "Invalid value for '--image-size': Input should be a valid integer"),
    "augment": ("stripes", ("--augment", "rotate"), 2, "augment: must be 'none' or 'shift' or 'flip' or 'shift+flip', got 'rotate'"),
    "model": ("stripes", ("--model", "mlp"), 2, "for images it must be 'cnn' or 'resnet', got 'mlp'"),
    "target": ("stripes", ("--target", "y"), 2, "--target is not for images. Leave it out"),
    "text": ("stripes", ("--text", "y"), 2, "--text is not for images"),
    "imgsz": ("stripes", ("--imgsz", 64), 2, "--imgsz is not for images"),
    "metric": ("stripes", ("--metric", "val_mae"), 2, "does not report val_mae; it reports train_loss, val_loss"),
    "hub": ("hf:", (), 2, "hf:: expected the name of a data set"),
    "scikit-learn": ("sklearn:digits", (), 2, "sklearn:digits: images are read from a folder of class folders"),
    "medmnist": ("medmnist:breastmnist", (), 7, "medmnist:breastmnist needs medmnist, which is not installed. Install it with: pip install medmnist"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(lrlab, files, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "medmnist", None)
    made, options, code, says = REFUSED[name]
    path = made(files) if callable(made) else made
    words = [*([] if path is None else [path]), *options]
    said = lrlab("sweep", "images", *words)
    assert (said.code, said.out) == (code, ""), said.err
    assert says in " ".join(said.err.split()).replace("│ ", "").replace(" │", "")
    assert "Traceback" not in said.err
    assert not (files / "studies").exists()
    error = lrlab("sweep", "images", *words, "--json").document["error"]
    assert error["message"]
