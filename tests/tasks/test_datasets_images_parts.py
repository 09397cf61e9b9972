"""Images of all forms: parts of their makers, copies, classes, and the parts that are cut."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.core.errors import LrlabError
from lrlab.tasks.data.images import load_images
from tests.tasks.image_files import GRAY, LABELS, Image, folder_of, npz


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
