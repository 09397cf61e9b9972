"""Images from folders, archives and IDX files: what is read, and how it is divided and prepared."""

import gzip
import io
import os
import struct
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.image_pixels import check_memory, check_raw_bytes, chosen_size
from lrlab.tasks.data.images import AUGMENTS, load_images

Image = pytest.importorskip("PIL.Image")

DRAW = np.random.default_rng(0)
GRAY = DRAW.integers(0, 256, (60, 12, 12), dtype=np.uint8)
COLOUR = DRAW.integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3


def folder_of(root: Path, images=GRAY, labels=LABELS, *, ending="png", **saving) -> str:
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = root / f"class{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index:03}.{ending}", **saving)
    return str(root)


def npz(root: Path, name="a.npz", **arrays) -> str:
    np.savez(root / name, **arrays)
    return str(root / name)


def idx(array: np.ndarray, kind=8, big=">u1") -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.astype(big).tobytes()


def whole(data) -> tuple[np.ndarray, np.ndarray]:
    """All samples, in an order and a scale that do not depend on the parts."""
    x, y = (np.concatenate(each) for each in zip(data.train, data.val, data.test, strict=True))
    x = (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)
    order = np.lexsort(x.reshape(len(x), -1).T)
    return x[order], y[order]


# --- folders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp", "PNG"])
def test_every_format_gives_the_same_samples(tmp_path, ending):
    saving = {"lossless": True} if ending == "webp" else {}
    data = load_images(folder_of(tmp_path, COLOUR, ending=ending, **saving))
    assert data.classes == ("class0", "class1", "class2")
    assert [part[0].shape for part in (data.train, data.val, data.test)] == [
        (36, 3, 12, 12), (12, 3, 12, 12), (12, 3, 12, 12)
    ]  # fmt: skip
    assert [np.bincount(part[1]).tolist() for part in (data.train, data.val, data.test)] == [
        [12] * 3, [4] * 3, [4] * 3
    ]  # fmt: skip
    assert (data.train[0].dtype, data.train[1].dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(data.train[0].mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(data.train[0].std((0, 2, 3)), 1, atol=1e-5)
    mean, deviation = data.train[0].mean(), data.train[0].std()
    assert (abs(data.test[0].mean() - mean) < 0.2, abs(data.test[0].std() - deviation) < 0.2) == (True, True)
    assert data.warnings == ()


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "gif"])
def test_lossy_formats_are_read(tmp_path, ending):
    data = load_images(folder_of(tmp_path, COLOUR, ending=ending))
    assert data.train[0].shape == (36, 3, 12, 12)


def test_gray_stays_gray_and_gray_in_colour_becomes_gray(tmp_path):
    one = load_images(folder_of(tmp_path / "gray"))
    three = load_images(folder_of(tmp_path / "same", np.repeat(GRAY[..., None], 3, axis=3)))
    assert one.train[0].shape == three.train[0].shape == (36, 1, 12, 12)
    np.testing.assert_array_equal(one.train[0], three.train[0])
    assert "60 images of 12x12 in gray, 3 classes" in one.description


def test_gray_among_colour_is_colour(tmp_path):
    folder_of(tmp_path, COLOUR)
    Image.fromarray(GRAY[0]).save(tmp_path / "class0" / "gray.png")
    x, _ = whole(load_images(str(tmp_path)))
    assert x.shape == (61, 3, 12, 12)


def pixel_values(root: Path) -> list[float]:
    """Gray values of the image ``odd`` in units of those of plain images of 0 and 255."""
    data = load_images(str(root), augment="none")
    x, _ = whole(data)
    low, high = x.min(), x.max()
    return sorted({round(float(value), 3) for value in (x - low).reshape(-1) / (high - low)})


@pytest.mark.parametrize(
    ("mode", "colour", "level"),
    [
        ("LA", (100, 255), 100),
        ("LA", (100, 0), 255),
        ("RGBA", (100, 100, 100, 255), 100),
        ("RGBA", (0, 0, 0, 0), 255),
        ("CMYK", (0, 0, 0, 155), 100),
        ("P", 100, 100),
        ("1", 1, 255),
        ("YCbCr", (100, 128, 128), 100),
        ("I;16", 100 * 257, 100),
    ],
)
def test_other_pixels_are_converted(tmp_path, mode, colour, level):
    for index in range(30):  # black and white on both sides of each image, so that none is a copy
        row = np.unpackbits(np.array([index * 7 + 1, index], dtype=np.uint8))[:12] * 255
        place = tmp_path / "ab"[index % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(np.tile(row, (12, 1)).astype(np.uint8)).save(place / f"{index}.png")
    image = Image.new("L" if mode == "P" else mode, (12, 12), colour)
    if mode == "P":
        image = image.convert("P")
    image.save(tmp_path / "a" / "odd.tif" if mode in ("CMYK", "YCbCr") else tmp_path / "a" / "odd.png")
    expected = sorted({0.0, 1.0, round(level / 255, 3)})
    np.testing.assert_allclose(pixel_values(tmp_path), expected, atol=0.005)


def test_sixteen_bits_are_not_rounded(tmp_path):
    deep = (GRAY.astype(np.uint16) * 3 + 1000).astype(np.uint16)
    x, _ = whole(load_images(folder_of(tmp_path / "deep", deep)))
    same, _ = whole(load_images(folder_of(tmp_path / "plain")))
    np.testing.assert_allclose(x, same, atol=1e-3)


def test_floating_point_pixels_are_kept(tmp_path):
    real = GRAY.astype(np.float32) / 1000 - 3
    x, _ = whole(load_images(folder_of(tmp_path / "real", real, ending="tif")))
    same, _ = whole(load_images(folder_of(tmp_path / "plain")))
    np.testing.assert_allclose(x, same, atol=1e-3)
    Image.fromarray(GRAY[0]).save(tmp_path / "real" / "class0" / "byte.png")
    with pytest.raises(LrlabError, match="floating-point pixels and others have not"):
        load_images(str(tmp_path / "real"))


def test_a_camera_held_upright_is_turned(tmp_path):
    folder_of(tmp_path, COLOUR)
    turned = Image.fromarray(np.rot90(COLOUR[0]))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees counter-clockwise
    turned.save(tmp_path / "class0" / "000.png", exif=exif)
    x, _ = whole(load_images(str(tmp_path)))
    plain, _ = whole(load_images(folder_of(tmp_path / "again", COLOUR)))
    np.testing.assert_allclose(x, plain, atol=1e-4)


def test_the_first_picture_of_an_animation(tmp_path):
    folder_of(tmp_path, COLOUR)
    frames = [Image.fromarray(image) for image in COLOUR[:3]]
    frames[0].save(tmp_path / "class0" / "moving.gif", save_all=True, append_images=frames[1:])
    x, _ = whole(load_images(str(tmp_path)))
    assert len(x) == 61


def test_sizes_are_brought_to_one(tmp_path):
    for index, side in enumerate([10, 12, 14, 100] * 10):
        image = Image.fromarray(DRAW.integers(0, 256, (side + 5, side), dtype=np.uint8))
        place = tmp_path / "ab"[index % 2]
        place.mkdir(exist_ok=True)
        image.save(place / f"{index}.png")
    data = load_images(str(tmp_path))
    assert data.train[0].shape[1:] == (1, 13, 13)
    assert "40 images of 13x13 in gray, scaled from 10x15 to 100x105, 2 classes" in data.description
    assert load_images(str(tmp_path), image_size=20).train[0].shape[1:] == (1, 20, 20)


@pytest.mark.parametrize(
    ("sides", "asked", "size"), [([28], None, 28), ([500, 300], None, 32), ([4], None, 8), ([4], 224, 224)]
)
def test_the_size(sides, asked, size):
    assert chosen_size(sides, asked) == size


def test_what_is_no_image_is_left_out_and_told(tmp_path):
    folder_of(tmp_path)
    for name in (".DS_Store", "class0/.hidden.png", "class0/Thumbs.db", ".git/a.png", "__MACOSX/._a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"none")
    assert load_images(str(tmp_path)).warnings == ()
    (tmp_path / "class1" / "notes.txt").write_text("none")
    (tmp_path / "README").write_text("none")
    (caution,) = load_images(str(tmp_path)).warnings
    assert (caution.code, caution.text) == (
        "LEFT_OUT", "Files that are no images by their name, or lie in no class folder: 2, such as README."
    )  # fmt: skip


def test_folders_inside_a_class_are_entered(tmp_path):
    folder_of(tmp_path)
    (tmp_path / "class0" / "deep").mkdir()
    Image.fromarray(GRAY[0].T.copy()).save(tmp_path / "class0" / "deep" / "x.png")
    assert len(whole(load_images(str(tmp_path)))[0]) == 61


def test_numbers_are_in_their_order(tmp_path):
    for index in range(40):
        place = tmp_path / str((8, 9, 10, 11)[index % 4])
        place.mkdir(exist_ok=True)
        Image.fromarray(GRAY[index]).save(place / f"{index}.png")
    data = load_images(str(tmp_path))
    assert data.classes == ("8", "9", "10", "11")
    x, y = whole(data)
    plain = load_images(npz(tmp_path, x=GRAY[:40], y=np.array([8, 9, 10, 11] * 10)))
    np.testing.assert_array_equal(y, whole(plain)[1])
    np.testing.assert_allclose(x, whole(plain)[0], atol=1e-4)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "testing")])
def test_parts_of_the_makers_are_kept(tmp_path, names):
    for part, own in zip(names, (slice(0, 30), slice(30, 45), slice(45, 60)), strict=True):
        folder_of(tmp_path / part, GRAY[own], LABELS[own])
    data = load_images(str(tmp_path), seed=1)
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [30, 15, 15]
    assert "divided by their makers" in data.description
    scale = GRAY[:30].astype(np.float64)
    expected = (GRAY[45:] - scale.mean()) / scale.std()
    order = np.lexsort(data.test[0].reshape(15, -1).T)
    wanted = expected.reshape(15, -1)[np.lexsort(expected.reshape(15, -1).T)]
    np.testing.assert_allclose(data.test[0].reshape(15, -1)[order], wanted, atol=1e-5)


def test_a_part_that_lacks_is_cut_from_the_training(tmp_path):
    folder_of(tmp_path / "train", GRAY[:45], LABELS[:45])
    folder_of(tmp_path / "test", GRAY[45:], LABELS[45:])
    data = load_images(str(tmp_path))
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [36, 9, 15]


def test_classes_that_are_called_like_parts_are_classes(tmp_path):
    for index, image in enumerate(GRAY):
        place = tmp_path / ("train" if index % 2 else "bus")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{index}.png")
    assert load_images(str(tmp_path)).classes == ("bus", "train")


# --- copies, and the parts ----------------------------------------------------------------------------------


def digests(part) -> set[bytes]:
    return {image.tobytes() for image in part[0]}


def test_copies_of_an_image_are_in_one_part(tmp_path):
    images, labels = np.concatenate([GRAY, GRAY[:30]]), np.concatenate([LABELS, LABELS[:30]])
    data = load_images(npz(tmp_path, x=images, y=labels))
    parts = [digests(part) for part in (data.train, data.val, data.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60
    assert sum(len(part[1]) for part in (data.train, data.val, data.test)) == 90
    (caution,) = data.warnings
    assert (caution.code, caution.text) == (
        "DUPLICATES", "Copies of other images: 30 of 90; all copies are in one part."
    )  # fmt: skip


def test_copies_in_parts_of_the_makers_are_told_and_left(tmp_path):
    data = load_images(
        npz(tmp_path, train_images=GRAY[:40], train_labels=LABELS[:40], val_images=GRAY[40:50],
            val_labels=LABELS[40:50], test_images=GRAY[38:60], test_labels=(LABELS[38:60] + 1) % 3)
    )  # fmt: skip
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [40, 10, 22]
    (caution,) = data.warnings
    assert caution.code == "DUPLICATES"
    assert "Images of the test part that a part before has too: 12 of 22; its scores flatter." in caution.text
    assert "Images whose copies have different classes: 12." in caution.text


def test_the_seed_divides(tmp_path):
    path = npz(tmp_path, x=GRAY, y=LABELS)
    first, again, other = (load_images(path, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train[0], again.train[0])
    assert digests(first.test) != digests(other.test)


def test_unequal_and_rare_classes_are_told(tmp_path):
    labels = np.array([0] * 50 + [1] * 8 + [2] * 2)
    data = load_images(npz(tmp_path, x=GRAY, y=labels))
    assert [caution.code for caution in data.warnings] == ["RARE_CLASS", "IMBALANCED"]
    assert not (data.test[1] == 2).any()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=20, max_size=80), st.integers(0, 9)
)
def test_no_image_is_in_two_parts(tmp_path, drawn, seed):
    images = np.stack([GRAY[which] for which, _ in drawn])
    try:
        data = load_images(npz(tmp_path, x=images, y=np.array([label for _, label in drawn])), seed=seed)
    except LrlabError as error:
        assert len(str(error)) > 20  # noqa: PT017 - either is right
        return
    parts = [digests(part) for part in (data.train, data.val, data.test)]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert sum(len(part[1]) for part in (data.train, data.val, data.test)) == len(drawn)


# --- archives -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["uint8", "int64", "uint16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("names", [("x", "y"), ("images", "labels")])
def test_a_pair_of_arrays_of_any_numbers(tmp_path, kind, names):
    path = npz(tmp_path, **{names[0]: GRAY.astype(kind), names[1]: LABELS[:, None].astype(np.int8)})
    plain = load_images(folder_of(tmp_path / "files"))
    x, y = whole(load_images(path))
    np.testing.assert_allclose(x, whole(plain)[0], atol=1e-4)
    np.testing.assert_array_equal(y, whole(plain)[1])


@pytest.mark.parametrize("axis", [1, 3])
def test_channels_in_front_or_behind(tmp_path, axis):
    data = load_images(npz(tmp_path, x=np.moveaxis(COLOUR, 3, axis), y=LABELS))
    np.testing.assert_array_equal(data.train[0], load_images(npz(tmp_path, x=COLOUR, y=LABELS)).train[0])
    assert data.train[0].shape == (36, 3, 12, 12)


@pytest.mark.parametrize("pattern", ["{}_images {}_labels", "x_{} y_{}"])
def test_parts_in_an_archive(tmp_path, pattern):
    arrays = {}
    for part, own in (("train", slice(0, 30)), ("val", slice(30, 40)), ("test", slice(40, 60))):
        x, y = pattern.format(part, part).split()
        arrays |= {x: GRAY[own], y: LABELS[own, None]}
    data = load_images(npz(tmp_path, **arrays))
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [30, 10, 20]
    del arrays[pattern.format("val", "").split()[0]]
    data = load_images(npz(tmp_path, **arrays))
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [24, 6, 20]


def test_labels_may_be_texts(tmp_path):
    data = load_images(npz(tmp_path, x=GRAY, y=np.array(["ant", "bee", "cow"])[LABELS]))
    assert data.classes == ("ant", "bee", "cow")


def test_arrays_of_the_right_size_need_no_pillow(tmp_path, monkeypatch):
    path = npz(tmp_path, x=GRAY, y=LABELS)
    folder = folder_of(tmp_path / "files")
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert load_images(path).train[0].shape == (36, 1, 12, 12)
    for words in ((path, 20), (folder, None)):
        with pytest.raises(LrlabError, match=r"Pillow is not installed.*pip install 'lrlab\[data\]'"):
            load_images(words[0], image_size=words[1])


def test_arrays_are_scaled_as_files_are(tmp_path):
    tall = DRAW.integers(0, 256, (40, 30, 20, 3), dtype=np.uint8)
    data = load_images(npz(tmp_path, x=tall, y=LABELS[:40]), image_size=10)
    assert data.train[0].shape[1:] == (3, 10, 10)
    assert "scaled from 20x30" in data.description
    files = load_images(folder_of(tmp_path / "files", tall, LABELS[:40]), image_size=10)
    np.testing.assert_allclose(whole(data)[0], whole(files)[0], atol=1e-4)
    real = load_images(npz(tmp_path, x=tall / 1000, y=LABELS[:40]), image_size=10)
    np.testing.assert_allclose(data.train[0], real.train[0], atol=0.05)


def test_an_idle_channel_stays_a_number(tmp_path):
    images = COLOUR.copy()
    images[..., 2] = 0
    assert np.isfinite(load_images(npz(tmp_path, x=images, y=LABELS)).train[0]).all()


def test_objects_are_never_unpickled(tmp_path):
    class Told:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "unpickled"),)

    np.savez(tmp_path / "a.npz", x=GRAY, y=np.array([Told()] * 60, dtype=object))
    with pytest.raises(LrlabError, match="pickled objects are never read"):
        load_images(str(tmp_path / "a.npz"))
    assert not (tmp_path / "unpickled").exists()


# --- IDX ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "style", ["train-images-idx3-ubyte", "train-images.idx3-ubyte", "emnist-train-images-idx3-ubyte"]
)
def test_idx(tmp_path, packed, style):
    for prefix, own in (("train", slice(0, 45)), ("t10k", slice(45, 60))):
        for what, array in (("images", GRAY[own]), ("labels", LABELS[own])):
            name = style.replace("train", prefix).replace("images", what)
            content = idx(array)
            if what == "labels":
                name = name.replace("idx3", "idx1")
            if packed:
                name, content = name + ".gz", gzip.compress(content)
            (tmp_path / name).write_bytes(content)
    file = tmp_path / (style + (".gz" if packed else ""))
    for path in (tmp_path, file):
        data = load_images(str(path))
        assert [len(part[1]) for part in (data.train, data.val, data.test)] == [36, 9, 15]
    alone = load_images(str(tmp_path / file.name.replace("train", "t10k")))
    assert [len(part[1]) for part in (alone.train, alone.val, alone.test)] == [9, 3, 3]


def test_idx_of_larger_numbers(tmp_path):
    (tmp_path / "images-idx3").write_bytes(idx(GRAY, 0x0D, ">f4"))
    (tmp_path / "labels-idx1").write_bytes(idx(LABELS, 0x0C, ">i4"))
    x, y = whole(load_images(str(tmp_path / "images-idx3")))
    same = whole(load_images(npz(tmp_path, x=GRAY, y=LABELS)))
    np.testing.assert_allclose(x, same[0], atol=1e-4)
    np.testing.assert_array_equal(y, same[1])


# --- MedMNIST -----------------------------------------------------------------------------------------------


class StandIn:
    """What the package's own classes are like."""

    def __init__(self, split, download=False):
        print("Using downloaded and verified file")
        own = {"train": slice(0, 30), "val": slice(30, 40), "test": slice(40, 60)}[split]
        self.imgs, self.labels = GRAY[own], LABELS[own, None]


class Offline(StandIn):
    def __init__(self, split, download=False):
        raise RuntimeError("Something went wrong when downloading!")


def about(made, task="multi-class"):
    long = "colorectal adenocarcinoma epithelium"
    return {"python_class": made, "task": task, "label": {"0": "benign", "1": "malignant", "2": long}}


def test_medmnist(monkeypatch, capsys):
    info = {"amnist": about("A"), "bmnist": about("B"), "cmnist": about("A", "multi-label, binary-class")}
    monkeypatch.setitem(sys.modules, "medmnist", SimpleNamespace(INFO=info, A=StandIn, B=Offline))
    data = load_images("medmnist:amnist")
    assert data.classes == ("benign", "malignant", "colorectal adenocarcino…")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [30, 10, 20]
    assert capsys.readouterr().out == ""
    for path, said in {
        "medmnist:dmnist": "expected one of amnist, bmnist, cmnist, got 'dmnist'",
        "medmnist:bmnist": "cannot load it: Something went wrong when downloading!",
        "medmnist:cmnist": "several classes at once",
    }.items():
        with pytest.raises(LrlabError, match=said):
            load_images(path)
    monkeypatch.setitem(sys.modules, "medmnist", None)
    with pytest.raises(LrlabError, match="pip install medmnist"):
        load_images("medmnist:amnist")


# --- the hub ------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The package with its cache in this test's folder."""
    package = pytest.importorskip("datasets")
    monkeypatch.setattr(package.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    return package


def test_images_of_the_hub_are_those_of_their_files(tmp_path, hub):
    folder_of(tmp_path / "a" / "train", COLOUR[:45], LABELS[:45])
    folder_of(tmp_path / "a" / "test", COLOUR[45:], LABELS[45:])
    data = load_images(f"hf:{tmp_path / 'a'}")
    same = load_images(str(tmp_path / "a"))
    assert data.classes == same.classes == ("class0", "class1", "class2")
    assert [len(part[1]) for part in (data.train, data.val, data.test)] == [36, 9, 15]
    np.testing.assert_allclose(whole(data)[0], whole(same)[0], atol=1e-4)
    np.testing.assert_array_equal(whole(data)[1], whole(same)[1])


def test_what_the_hub_has_otherwise_is_refused(tmp_path, hub, monkeypatch):
    def given(columns, features):
        made = hub.Dataset.from_dict(columns, features=hub.Features(features))
        monkeypatch.setattr(hub, "load_dataset", lambda name, config: hub.DatasetDict({"train": made}))

    content = [{"bytes": SOUND["a.png"], "path": None}] * 2
    image, label = hub.Image(), hub.ClassLabel(names=["a", "b"])
    given({"image": content, "y": [0.5, 1.5]}, {"image": image, "y": hub.Value("float32")})
    with pytest.raises(
        LrlabError, match=r"one column of classes, got 0: it has 'image' \(Image\), 'y' \(Value\)"
    ):
        load_images("hf:a")
    given({"y": [0, 1]}, {"y": label})
    with pytest.raises(LrlabError, match="one column of images, got 0"):
        load_images("hf:a")
    given({"image": content, "y": [0, None]}, {"image": image, "y": label})
    with pytest.raises(LrlabError, match="hf:a, train, row 1: expected an image and its class"):
        load_images("hf:a")
    given({"image": [content[0], {"bytes": b"no", "path": None}], "y": [0, 1]}, {"image": image, "y": label})
    with pytest.raises(LrlabError, match=r"hf:a, train, row 1: expected an image .* its content is no image"):
        load_images("hf:a")
    with pytest.raises(LrlabError, match="expected the name of a data set"):
        load_images("hf:")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(LrlabError, match="hf:a needs datasets, which is not installed"):
        load_images("hf:a")


# --- bounds, and noise --------------------------------------------------------------------------------------


def test_memory_has_a_bound():
    check_memory("a", 4 * 2**30 // (4 * 3 * 64**2), size=64, channels=3)
    with pytest.raises(
        LrlabError, match=r"a: 100000 images of 224x224 with 3 channels need 56.1 GiB.*--image-size 59 fits"
    ):
        check_memory("a", 100_000, size=224, channels=3)
    with pytest.raises(LrlabError, match="Give fewer images"):
        check_memory("a", 10**8, size=8, channels=3)
    with pytest.raises(LrlabError, match=r"a: the images need 5.0 GiB"):
        check_raw_bytes("a", 5 * 2**30)


def test_a_large_array_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lrlab.tasks.data.image_pixels._MOST_BYTES", 5000)
    with pytest.raises(LrlabError, match="are the bound"):
        load_images(npz(tmp_path, x=GRAY, y=LABELS))
    (tmp_path / "images-idx3").write_bytes(idx(GRAY))
    (tmp_path / "labels-idx1").write_bytes(idx(LABELS))
    with pytest.raises(LrlabError, match=r"images-idx3: the images need .* are the bound"):
        load_images(str(tmp_path / "images-idx3"))


def test_every_augmentation_is_told(tmp_path):
    path = npz(tmp_path, x=GRAY, y=LABELS)
    for name, words in AUGMENTS.items():
        data = load_images(path, augment=name)
        assert (data.augment, words in data.description) == (name, True)


def read_or_refused(path: Path) -> None:
    try:
        data = load_images(str(path))
    except LrlabError as error:
        assert len(str(error)) > 20  # noqa: PT017 - either is right
    else:
        assert np.isfinite(data.train[0]).all()


def damaged(content: bytes, place: int, byte: int, cut: int) -> bytes:
    place %= len(content)
    return (content[:place] + bytes([byte]) + content[place + 1 :])[: len(content) - cut]


SOUND = {}
_packed = io.BytesIO()
np.savez_compressed(_packed, x=GRAY, y=LABELS)
SOUND["a.npz"] = _packed.getvalue()
SOUND["images-idx3.gz"] = gzip.compress(idx(GRAY))
SOUND["images-idx3"] = idx(GRAY)
for _ending in ("png", "jpeg", "gif", "tiff", "webp", "bmp"):
    _packed = io.BytesIO()
    Image.fromarray(COLOUR[0]).save(_packed, format=_ending)
    SOUND[f"a.{_ending}"] = _packed.getvalue()


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.integers(0, 40))
def test_damaged_bytes_are_read_or_refused(tmp_path, name, place, byte, cut):
    content = damaged(SOUND[name], place, byte, cut)
    if name[0] == "i":
        (tmp_path / "labels-idx1").write_bytes(idx(LABELS))
    if name.endswith(("npz", "idx3", "gz")):
        (tmp_path / name).write_bytes(content)
        return read_or_refused(tmp_path / name)
    if not (tmp_path / "files").exists():
        folder_of(tmp_path / "files", COLOUR[:30], LABELS[:30])
    (tmp_path / "files" / "class0" / name).write_bytes(content)
    return read_or_refused(tmp_path / "files")


def test_an_archive_that_lies_about_its_size(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "x.npy",
            b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9, 9), }"
            + b" " * 40
            + b"\n",
        )
        archive.writestr("y.npy", b"")
    with pytest.raises(LrlabError, match="the array 'x' cannot be read"):
        load_images(str(path))


# --- real data ----------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "parts", "shape"),
    [
        ("medmnist/breastmnist.npz", [546, 78, 156], (1, 28, 28)),
        ("bccd/crops24.npz", None, (3, 24, 24)),
    ],
)
def test_real_data_is_read_and_trained_on(name, parts, shape):
    pytest.importorskip("torch")
    from lrlab.api.data import data_task

    recipe = data_task("images", Path(os.environ["LRLAB_DATA"]) / name, budget=2)
    assert tuple(recipe.data[0].shape[1:]) == shape
    if parts:
        assert [len(part[1]) for part in (recipe.data, recipe.val_data, recipe.test_data)] == parts
    records = list(recipe.start(1e-3, seed=0).advance(2))
    assert records[-1].metrics["val_loss"] < records[0].metrics["val_loss"]
