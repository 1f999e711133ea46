"""What is measured: figures with their bounds, and medians."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One number: the median of its samples, and what it may be at most."""

    group: str
    what: str
    unit: str
    samples: list[float]
    bound: float | None = None
    aim: float | None = None

    @property
    def value(self) -> float:
        return median(self.samples)

    @property
    def holds(self) -> bool | None:
        """Whether the bound is kept; None for a figure without one."""
        return None if self.bound is None else self.value <= self.bound


@dataclass
class Timeline:
    """Where the time of several runs went, step by step; the steps of one run add up to its time."""

    title: str
    steps: dict[str, list[float]] = field(default_factory=dict)

    def add(self, step: str, seconds: float) -> None:
        self.steps.setdefault(step, []).append(seconds)


@dataclass
class Results:
    """Everything that one benchmark run found."""

    machine: dict[str, str | float | int]
    figures: list[Figure] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """One ratio per pair: both of a pair ran in the same minute."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(ours, theirs, strict=True)]
