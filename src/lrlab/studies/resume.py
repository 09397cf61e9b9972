"""Whether a study can be continued, and if not, why not."""

from dataclasses import fields

from lrlab.core.errors import ConflictError
from lrlab.core.question import Question
from lrlab.core.study import Study


def check_continues(study: Study, *, question: Question, searcher: str, fingerprint: str) -> None:
    """Refuse to continue ``study`` with another question, searcher or training code.

    Raises:
        ConflictError: The sentence names every difference.
    """
    differences = [
        f"{field.name} was {getattr(study.question, field.name)}, now {getattr(question, field.name)}"
        for field in fields(Question)
        if field.name != "known"  # an extended study knows its runs, whoever asks does not
        and getattr(study.question, field.name) != getattr(question, field.name)
    ]
    if study.searcher != searcher:
        differences.append(f"searcher was {study.searcher}, now {searcher}")
    if study.fingerprint != fingerprint:
        differences.append("the training code or its settings have changed")
    if differences:
        raise ConflictError(
            f'study "{study.name}" cannot be continued: {"; ".join(differences)}.',
            hint="Ask as before, or give the new question another name with study=... (--study).",
        )
