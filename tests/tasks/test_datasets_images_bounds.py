"""Images: bounds, damaged bytes, and real data."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.image_pixels import check_memory, check_raw_bytes
from lrlab.tasks.data.images import AUGMENTS, load_images
from tests.tasks.image_files import COLOUR, GRAY, LABELS, encoded, folder_of, idx, npz


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
    SOUND[f"a.{_ending}"] = encoded(_ending)


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


SIZE = "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999, 9, 9), }"
UNENDED = "{'descr': '|u1', 'fortran_order': False, 'shape': (60, 12, 12, }"


@pytest.mark.parametrize("header", [SIZE, UNENDED], ids=["size", "unended"])
def test_an_archive_that_lies_about_its_arrays(tmp_path, header):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00v\x00" + header.encode().ljust(117) + b"\n")
        archive.writestr("y.npy", b"")
    with pytest.raises(LrlabError, match="the array 'x' cannot be read"):
        load_images(str(path))


def test_an_archive_under_a_password(tmp_path):
    content = bytearray(SOUND["a.npz"])
    for begin, flags in (
        (b"PK\x03\x04", 6),
        (b"PK\x01\x02", 8),
    ):  # in front of each array, and in the list of them
        content[content.index(begin) + flags] |= 1
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(LrlabError, match=r"the array 'x' cannot be read: File .* is encrypted"):
        load_images(str(tmp_path / "a.npz"))


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
