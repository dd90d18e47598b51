"""What came of a campaign, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Outcome:
    """One injection.

    Attributes:
        names: of the faults; two where they came at once.
        begin_ns, end_ns: monotonic.
        back_s: from the end of the fault to the next LIVE picture; None where none came.
        enhanced_s: to the next enhanced one; None where it was not waited for.
        violations: what did not hold, in words.
    """

    names: tuple[str, ...]
    begin_ns: int
    end_ns: int = 0
    back_s: float | None = None
    enhanced_s: float | None = None
    violations: list[str] = field(default_factory=list)


@dataclass
class Report:
    """All that is told at the end.

    Attributes:
        outcomes: one an injection.
        overall: violations that belong to no fault, such as what is left over at the end.
        notes: figures to be told with the table.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    overall: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def num_faults(self) -> int:
        return sum(len(outcome.names) for outcome in self.outcomes)

    @property
    def num_violations(self) -> int:
        return sum(len(outcome.violations) for outcome in self.outcomes) + len(self.overall)

    def lines(self) -> Iterable[str]:
        """Markdown: a row a kind of fault, then each violation."""
        yield "| fault | count | violations | live again after, s: p50 | max | enhanced again after, s: p50 | max |"
        yield "|---|---|---|---|---|---|---|"
        kinds: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            for name in outcome.names:
                kinds[name].append(outcome)
        for name, outcomes in sorted(kinds.items()):
            yield _row(name, outcomes)
        yield _row("**all**", self.outcomes, self.num_faults)
        yield ""
        yield from self.notes
        for outcome in self.outcomes:
            for violation in outcome.violations:
                yield f"VIOLATION [{' + '.join(outcome.names)}] {violation}"
        for violation in self.overall:
            yield f"VIOLATION [campaign] {violation}"


def _row(name: str, outcomes: Sequence[Outcome], count: int | None = None) -> str:
    back = [outcome.back_s for outcome in outcomes if outcome.back_s is not None]
    enhanced = [outcome.enhanced_s for outcome in outcomes if outcome.enhanced_s is not None]
    violations = sum(len(outcome.violations) for outcome in outcomes)
    cells = [name, count or len(outcomes), violations, _middle(back), _most(back), _middle(enhanced), _most(enhanced)]
    return "| " + " | ".join(map(str, cells)) + " |"


def _middle(values: Sequence[float]) -> str:
    return f"{median(values):.2f}" if values else "-"


def _most(values: Sequence[float]) -> str:
    return f"{max(values):.2f}" if values else "-"
