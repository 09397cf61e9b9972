"""``lrlab.prove`` on real trainings: the run stays as it is, branches are paired, and what cannot be proved is refused."""

import pytest

torch = pytest.importorskip("torch")

import lrlab  # noqa: E402
from lrlab.core.errors import NotFoundError, SpecError  # noqa: E402
from lrlab.torch import Recipe  # noqa: E402

pytestmark = pytest.mark.torch


def recipe(*, optimizer: str = "sgd") -> Recipe:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 8, generator=generator)
    y = (x @ torch.randn(8, 1, generator=generator)).tanh() + 0.05 * torch.randn(256, 1, generator=generator)
    data = torch.utils.data.TensorDataset(x, y)
    return Recipe(
        lambda: torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Dropout(0.1), torch.nn.Tanh(), torch.nn.Linear(16, 1)),
        data, torch.nn.functional.mse_loss, val_data=data, optimizer=optimizer, budget=40, batch_size=16,
    )  # fmt: skip


def test_the_run_goes_on_as_if_nothing_had_been_tried() -> None:
    plain, tried = recipe().start(0.05, seed=3), recipe().start(0.05, seed=3)
    before = [list(one.advance(4)) for one in (plain, tried)]
    drawn = torch.get_rng_state()
    lrlab.prove(tried)
    assert torch.equal(drawn, torch.get_rng_state())
    after = [list(one.advance(4)) for one in (plain, tried)]
    assert [record.metrics for record in before[0]] == [record.metrics for record in before[1]]
    assert [record.metrics for record in after[0]] == [record.metrics for record in after[1]]


def test_branches_are_paired() -> None:
    session = recipe().start(0.05, seed=3)
    list(session.advance(4))
    one, two = (session.branch(1.0, steps=6, fade=0, ahead=6, judged=5) for _ in range(2))
    assert one == two
    assert len(one.trained) == 6
    assert len(one.judged) == 5
    assert session.branch(3.0, steps=6, fade=0, ahead=6, judged=5).trained[0] == one.trained[0]


@pytest.mark.parametrize(("optimizer", "lr", "word"), [("sgd", 1e-4, "too_low"), ("adamw", 3.0, "too_high")])
def test_a_rate_far_off_is_found(optimizer: str, lr: float, word: str) -> None:
    session = recipe(optimizer=optimizer).start(lr, seed=0)
    log = list(session.advance(4))
    checkup = lrlab.diagnose(log, optimizer=optimizer, total_steps=session.total_steps)
    proof = lrlab.prove(session, checkup=checkup)
    assert proof.rate.verdict == word
    assert "% of a full training" in proof.summary(width=200)


def test_where_neither_log_nor_branches_can_tell_nothing_is_told() -> None:
    session = recipe(optimizer="adamw").start(0.3, seed=0)
    list(session.advance(4))
    proof = lrlab.prove(session)
    assert proof.rate.verdict == "unknown"
    assert max(proof.rate.probabilities) < 0.6
    assert not proof.overturned
    text = proof.summary(width=200)
    assert text.startswith("Tried: Whether the learning rate is right cannot be told")
    assert "prove(session, checkup=lrlab.diagnose(log))" in text


def test_a_run_of_a_study_is_proved_by_name(tmp_path) -> None:  # type: ignore[no-untyped-def]
    task = recipe()
    answer = lrlab.sweep(task, searcher="grid:2", lr=(1e-4, 1e-3), store=tmp_path, study="far", workers=0)
    with pytest.raises(SpecError, match="prove: the run has done 640 of its 640 steps"):
        lrlab.prove("far", task=task, store=tmp_path)
    assert answer.lr
    with pytest.raises(NotFoundError, match="far"):
        lrlab.prove("far", task=task, store=tmp_path, lr=0.7)


def test_no_line_is_wider_than_the_terminal() -> None:
    session = recipe().start(0.05, seed=0)
    list(session.advance(4))
    text = lrlab.prove(session).summary(width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert [line.index("loss") for line in text.splitlines() if "  loss " in line] == [14] * 4


def test_a_diverged_run_is_refused() -> None:
    session = recipe().start(20.0, seed=0)
    list(session.advance(4))
    with pytest.raises(SpecError, match="prove: the run has diverged: its loss is not finite"):
        lrlab.prove(session)


def test_what_cannot_be_proved_is_refused() -> None:
    session = recipe().start(0.05, seed=0)
    with pytest.raises(SpecError, match="prove: the run has not begun"):
        lrlab.prove(session)
    list(session.advance(1))
    for cost in (0.0, 0.7, float("nan"), "1"):
        with pytest.raises(SpecError, match=r"prove: cost must lie in 0.01..0.5 full trainings"):
            lrlab.prove(session, cost=cost)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="prove: lr belong to a study; a session has its own"):
        lrlab.prove(session, lr=0.1)
    with pytest.raises(SpecError, match="prove: another rate cannot be tried from the state of int"):
        lrlab.prove(3)  # type: ignore[arg-type]
