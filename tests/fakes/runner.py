"""A runner of programs that do not exist here: other init systems, other releases of chrony."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ansible_collections.softtoken.compliance.plugins.module_utils._ports import CommandResult

Answer = CommandResult | Callable[[list[str]], CommandResult]


class ScriptedRunner:
    """Answers commands by their first words, and keeps what was run. What it has no answer for succeeds silently."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.ran: list[list[str]] = []

    def run(self, argv: Sequence[str], *, timeout_s: float = 10.0, data: str | None = None) -> CommandResult:
        del timeout_s, data
        self.ran.append(list(argv))
        line = " ".join(argv)
        for start, answer in self.answers.items():
            if line.startswith(start):
                return answer(list(argv)) if callable(answer) else answer
        return CommandResult(0, "", "")

    def which(self, program: str) -> str | None:
        """Every program is there."""
        return f"/usr/bin/{program}"
