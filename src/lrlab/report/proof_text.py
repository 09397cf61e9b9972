"""A proof as text for a terminal: what stands now, and how every branch ended."""

from lrlab.core.proof import Proof
from lrlab.report.canvas import wrapped
from lrlab.report.checkup_text import rate_sentence
from lrlab.report.words import format_score

_WORDS = {"too_low": "too low", "right": "right", "too_high": "too high"}


def proof_text(proof: Proof, *, width: int) -> str:
    """The whole proof; lines of at most ``width`` columns."""
    now, before = proof.rate, proof.before
    if proof.overturned:
        head = f"Overturned: the log alone had said {_WORDS[before.verdict]} ({100 * before.confidence:.0f} % sure). "
    elif before.verdict == "unknown":
        head = "Tried: "
    elif now.verdict == before.verdict:
        head = "Tried, and it stands: "
    lines = wrapped(head + rate_sentence(now), width)
    if now.verdict == "unknown" and not before.probabilities:
        lines += wrapped("With the log more can be told: prove(session, checkup=lrlab.diagnose(log)).", width)
    lines += wrapped(
        f"Branches of {proof.steps} steps from step {proof.step}, their rate falling to zero, judged on {proof.batches} "
        f"batches; {100 * proof.cost:.1f} % of a full training:",
        width,
    )
    rows = [
        ("before", proof.start),
        *((f"{branch.factor:g} x rate", branch.loss) for branch in proof.branches),
    ]
    lines += [f"{name:>12}  loss {format_score(loss)}" for name, loss in rows]
    lines += wrapped(
        f"{proof.winner:g} x rate won by {100 * proof.margin:.2g} %, in {100 * proof.certainty:.0f} % of resampled batches.",
        width,
    )
    if proof.winner < 1 and now.verdict != "too_high":
        lines += wrapped("That alone is no verdict: a lower rate lowers the loss at once.", width)
    return "\n".join(line.rstrip() for line in lines)
