"""Images from archives, IDX files, MedMNIST and the hub."""

import gzip
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.images import load_images
from tests.tasks.image_files import COLOUR, DRAW, GRAY, LABELS, encoded, folder_of, idx, npz, whole


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

    content = [{"bytes": encoded("png"), "path": None}] * 2
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
