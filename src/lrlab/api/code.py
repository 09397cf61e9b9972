"""An answer as code to paste."""

from lrlab.core.answer import Answer
from lrlab.core.errors import SpecError
from lrlab.core.lr_range import format_lr

# Names of optimizers as lrlab tells them, and the call that makes each.
_TORCH_CALLS = {
    "sgd": "torch.optim.SGD(model.parameters(), lr={lr})",
    "momentum": "torch.optim.SGD(model.parameters(), lr={lr}, momentum=0.9)",
    "nesterov": "torch.optim.SGD(model.parameters(), lr={lr}, momentum=0.9, nesterov=True)",
    "adam": "torch.optim.Adam(model.parameters(), lr={lr})",
    "adamw": "torch.optim.AdamW(model.parameters(), lr={lr})",
    "rmsprop": "torch.optim.RMSprop(model.parameters(), lr={lr})",
    "adagrad": "torch.optim.Adagrad(model.parameters(), lr={lr})",
}


def code(answer: Answer, framework: str) -> str:
    """Python that sets the answer's rate up.

    Args:
        answer: The answer; a rate must have been found.
        framework: ``"torch"``.

    Raises:
        SpecError: If there is no rate, or the framework is unknown.
    """
    if not answer.found:
        raise SpecError("code: this answer names no learning rate.", hint="Read its warnings.")
    if framework != "torch":
        raise SpecError(f'code: unknown framework {framework!r}; there is "torch".')
    arm = next((arm for arm in answer.question.arms if arm.name == answer.arm), answer.question.arms[0])
    low, high = (format_lr(rate) for rate in answer.interval)
    call = _TORCH_CALLS.get(arm.optimizer.lower())
    lines = [
        f"# lrlab, study {answer.study or 'unnamed'}: the best rate lies in {low} to {high} "
        f"(confidence {answer.confidence_word}).",
        f"lr = {answer.lr!r}",
    ]
    if call is None:
        lines.append("for group in optimizer.param_groups:\n    group['lr'] = lr")
    else:
        lines.append(f"optimizer = {call.format(lr='lr')}")
    return "\n".join(lines) + "\n"
