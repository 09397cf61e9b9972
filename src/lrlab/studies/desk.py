"""What people ask of a running study from elsewhere, and what they hear back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lrlab.core.command import Command, Fate, Reply
from lrlab.core.errors import LrlabError
from lrlab.store.protocol import Ledger


@dataclass(kw_only=True)
class Desk:
    """Takes commands in, and answers every one of them.

    Args:
        ledger: Where commands come from and replies go.
        extend: Carries out an extension; the sentence that it gives is the reply, and so is its error.
        paused: Whether a person wants the study to rest.
        at_rest: Whether it does.
        stopping: Whether a person wants it to end.
        news: Whether anything was asked; set back by whoever reacts to it.
    """

    ledger: Ledger
    extend: Callable[[Mapping[str, object]], str]
    paused: bool = False
    at_rest: bool = False
    stopping: bool = False
    news: bool = False
    _accepted: list[Command] = field(default_factory=list)

    def look(self, under_way: int) -> None:
        """Take what has come in; replies are committed at once.

        Args:
            under_way: How many slices have to reach a whole unit before a pause or a stop is complete.
        """
        commands = self.ledger.commands()
        for command in commands:
            self._take(command, under_way)
        if commands:
            self.news = True
            self.ledger.flush()

    def settle(self, text: str) -> None:
        """What was accepted has been carried out."""
        for command in self._accepted:
            self._say(command, Fate.DONE, text)
        self._accepted.clear()

    def _take(self, command: Command, under_way: int) -> None:
        when = "at once." if under_way == 0 else f"when {_runs(under_way)} reached a whole unit."
        if command.kind == "stop":
            self.stopping = True
            self._accept(command, f"It ends {when}")
        elif self.stopping:
            self._say(command, Fate.REFUSED, "It is being stopped.")
        elif command.kind == "pause" and self.at_rest:
            self._say(command, Fate.DONE, "It is paused already.")
        elif command.kind == "pause":
            self.paused = True
            self._accept(command, f"It rests {when}")
        elif command.kind == "resume":
            if self.paused:
                self.paused = False
                self._accept(command, "It goes on.")
            else:
                self._say(command, Fate.REFUSED, "It is not paused, it runs.")
        else:
            try:
                self._say(command, Fate.DONE, self.extend(command.arguments))
            except LrlabError as error:
                self._say(command, Fate.REFUSED, str(error))

    def _accept(self, command: Command, text: str) -> None:
        self._accepted.append(command)
        self._say(command, Fate.ACCEPTED, text)

    def _say(self, command: Command, fate: Fate, text: str) -> None:
        self.ledger.reply(command, Reply(fate=fate, text=text))


def _runs(count: int) -> str:
    return "the run under way has" if count == 1 else f"the {count} runs under way have"
