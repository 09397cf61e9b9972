"""Images from folders: what is read, and how it is prepared."""

from pathlib import Path

import numpy as np
import pytest

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.image_pixels import chosen_size
from lrlab.tasks.data.images import load_images
from tests.tasks.image_files import COLOUR, DRAW, GRAY, Image, folder_of, npz, whole


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
