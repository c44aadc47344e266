"""Cold starts: what a job pays that imports, sends one mail, and ends.

Run as a program, this is that job; it prints what it took.
"""

import compileall
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.contenders import NAMES, OURS, load
from benchmarks.place import Mail, Place, write_token_files

_TEXT = "Only 3 % are left on /var."


@dataclass(frozen=True, slots=True)
class ColdStart:
    """The median of several runs.

    Attributes:
        seconds: from the first import to the answer.
        memory: at its peak, in bytes.
    """

    seconds: float
    memory: float


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """What all runs came to.

    Attributes:
        contenders: by name.
        libraries: importing everything that our first send loads and is not ours.
        to_libraries: our first send to that, round by round, the median.
        import_mailcore: seconds of ``import mailcore`` over the bare interpreter.
    """

    contenders: dict[str, ColdStart]
    libraries: ColdStart
    to_libraries: float
    import_mailcore: float


def measure(place: Place, *, runs: int, advance: Callable[[], None]) -> ColdStarts:
    """Start every contender in a process of its own, taking turns.

    Args:
        place: where they work.
        runs: how many times.
        advance: called after every round.
    """
    write_token_files(place)
    _compile_ours()
    libraries = json.dumps(_run("list", OURS, place.to_json()))
    sends: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
    imports: list[dict[str, float]] = []
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(runs):
        for name, samples in sends.items():
            samples.append(_run("send", name, place.to_json()))
        imports.append(_run("import", libraries))
        for _ in range(3):
            bare.append(_seconds_of("pass"))
            ours.append(_seconds_of("import mailcore"))
        advance()
    return ColdStarts(
        contenders={name: _median(samples) for name, samples in sends.items()},
        libraries=_median(imports),
        to_libraries=statistics.median(
            whole["seconds"] / theirs["seconds"]
            for whole, theirs in zip(sends[OURS], imports, strict=True)
        ),
        import_mailcore=statistics.median(ours) - statistics.median(bare),
    )


def _compile_ours() -> None:
    """Compile what is not installed by pip, which would have done it: here, all that is ours."""
    for package in ("mailcore", "benchmarks"):
        compileall.compile_dir(Path(__file__).parents[1] / package, quiet=1)


def _run(*arguments: str) -> dict[str, float]:
    job = [sys.executable, "-m", "benchmarks.cold", *arguments]
    output = subprocess.run(job, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, float] = json.loads(output)
    return result


def _seconds_of(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def _median(samples: list[dict[str, float]]) -> ColdStart:
    return ColdStart(
        seconds=statistics.median(sample["seconds"] for sample in samples),
        memory=statistics.median(sample["memory"] for sample in samples),
    )


def _job(what: str, argument: str, place: str = "{}") -> object:
    before = set(sys.modules)
    started = time.perf_counter()
    if what == "import":
        for name in json.loads(argument):
            import_module(name)
    else:
        load(argument)(Place.from_json(place)).send(Mail(_TEXT))
    seconds = time.perf_counter() - started
    if what == "list":
        return [name for name in sys.modules if name not in before and _is_theirs(name)]
    return {"seconds": seconds, "memory": _peak_memory()}


def _is_theirs(name: str) -> bool:
    """Say whether it is a library's module that can be imported by its name."""
    spec = getattr(sys.modules[name], "__spec__", None)
    return (
        name.partition(".")[0] not in {"mailcore", "benchmarks"}
        and spec is not None
        and spec.name == name
    )


def _peak_memory() -> int:
    """Return the most bytes that this process ever had in memory.

    getrusage's ``ru_maxrss`` would count the process that started this one too.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel tells no peak memory")


if __name__ == "__main__":
    print(json.dumps(_job(*sys.argv[1:])))
