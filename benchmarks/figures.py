"""What every benchmark counts with: CPU and memory of process trees, percentiles, medians, and tables."""

import os
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

import psutil


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Seconds of CPU, user and system, of these processes and of their children that ended."""
    return _total(processes, lambda process: sum(process.cpu_times()[:4]))


def memory(processes: Iterable[psutil.Process]) -> float:
    """Resident MB."""
    return _total(processes, lambda process: process.memory_info().rss / 2**20)


def tree(pid: int) -> list[psutil.Process]:
    """A process and everything it started."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def others() -> float:
    """Seconds of CPU that the whole machine spent on anything but this process and what it started."""
    spent = psutil.cpu_times()
    return spent.user + spent.nice + spent.system + spent.irq + spent.softirq - cpu(tree(os.getpid()))


def _total(processes: Iterable[psutil.Process], figure: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += figure(process)
        except psutil.NoSuchProcess:  # ended between the listing and the look
            continue
    return total


def percentile(values: Iterable[float], share: float) -> float:
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else float("nan")


def medians(repeats: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: statistics.median(repeat[key] for repeat in repeats) for key in repeats[0]}


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | float]]) -> None:
    """Prints numbers to three figures; each row begins with its name."""
    cells = [["", *columns], *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells]
    print("", title, "-" * max(len(title), *map(len, lines)), *lines, sep="\n", flush=True)


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
