"""Checkpoint files with torch tensors."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lrlab.core.errors import NoStateError  # noqa: E402
from lrlab.tasks.checkpoint import load, save  # noqa: E402
from lrlab.tasks.checkpoint_tree import decode, encode  # noqa: E402

pytestmark = pytest.mark.torch

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
]  # fmt: skip


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_come_back_to_the_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 50).to(dtype)
    back = decode(*encode({"a": tensor}))["a"]
    assert (back.dtype, back.shape, bits(back)) == (tensor.dtype, tensor.shape, bits(tensor))


def test_values_that_are_not_finite_come_back() -> None:
    tensor = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0], dtype=torch.bfloat16)
    assert bits(decode(*encode([tensor]))[0]) == bits(tensor)


def test_views_ties_and_parameters(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.arange(12.0).reshape(3, 4))
    state = {
        "weight": weight,
        "tied": weight,
        "turned": weight.detach().t(),
        "row": weight.detach()[1],
        "spread": torch.arange(10)[::3],
        "wide": torch.zeros(1).expand(1000),
        "array": np.arange(5, dtype=np.uint32),
    }
    save(tmp_path / "run", state, about={})
    back = load(tmp_path / "run", about={})
    assert back["weight"] is back["tied"]
    assert not back["weight"].requires_grad
    for name, value in state.items():
        assert (torch.as_tensor(back[name]) == torch.as_tensor(value)).all(), name
    assert back["array"].dtype == np.uint32
    back["row"].add_(1)  # what comes back shares no memory with anything else
    assert (back["weight"] == weight).all()


def test_a_model_with_tied_weights_goes_round(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7, bias=False))
    model[1].weight = model[0].weight
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    save(tmp_path / "run", {"model": model.state_dict(), "optimizer": optimizer.state_dict()}, about={})
    back = load(tmp_path / "run", about={})
    assert list(back["model"]) == list(model.state_dict())
    assert back["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    model.load_state_dict(back["model"])
    optimizer.load_state_dict(back["optimizer"])


def test_other_programs_find_the_tensors_by_their_place(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    save(tmp_path / "run", {"model": {"0.weight": torch.ones(2)}, "list": [torch.zeros(1)]}, about={})
    assert set(load_file(next(tmp_path.glob("*.safetensors")))) == {"model.0.weight", "list.0"}


def test_names_that_collide_or_cannot_stand_in_a_file() -> None:
    state = {
        "a.b": torch.ones(1),
        "a": {"b": torch.zeros(1)},
        "__metadata__": torch.ones(2),
        "\ud800": torch.ones(3),
    }
    back = decode(*encode(state))
    assert back["a"]["b"].item() == 0
    assert [len(back[name]) for name in ("a.b", "__metadata__", "\ud800")] == [1, 2, 3]


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(2, device="meta"), torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.complex128)],
    ids=["meta", "sparse", "complex128"],
)
def test_tensors_without_a_stored_form_are_refused(tensor: torch.Tensor) -> None:
    with pytest.raises(NoStateError, match=r"cannot be stored|no stored form"):
        encode({"a": tensor})
