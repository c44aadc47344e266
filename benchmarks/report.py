"""docs/benchmarks.md, from what was measured."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cold import ColdStarts
from benchmarks.contenders import BARE, BAREST, CACHED, NAMES, OURS
from benchmarks.drafting import DraftFigures
from benchmarks.economy import CALLERS
from benchmarks.faults import Reaction, Reactions
from benchmarks.open_tabs import MANY_TABS, OpenTabs
from benchmarks.probing import SENDERS as PROBED
from benchmarks.probing import ProbeFigures
from benchmarks.queue_speed import DELAY, SENDERS, QueueFigures
from benchmarks.senders_page import FEW, MANY, PageTimes
from benchmarks.speed import SITUATIONS, THREADS, Rounds, Situation, Spread, ratio
from benchmarks.steps import Shares
from benchmarks.texts import COLD, FAULTS, FIGURES, HEAD, HOW, QUICK, RATIOS, RENEWING, STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything that one run found out."""

    speed: dict[Situation, Rounds]
    cold: ColdStarts
    shares: Shares
    round_trips: float
    refreshes: dict[str, int]
    reactions: dict[str, Reactions]
    page: tuple[PageTimes, PageTimes]
    probes: ProbeFigures
    drafts: DraftFigures
    queue: QueueFigures
    tabs: OpenTabs | None
    machine: list[str]
    load: tuple[float, float]
    seconds: float
    quick: bool


def render(results: Results) -> str:
    """Return the page."""
    before, after = results.load
    sections = [
        HEAD,
        QUICK if results.quick else "",
        "## The marks\n",
        _marks(results),
        RATIOS,
        _ratios(results.speed),
        FIGURES,
        _figures(results.speed),
        STEPS,
        _steps(results.shares),
        COLD,
        _cold(results.cold),
        FAULTS,
        _correctness(results.reactions),
        "\n## What it costs others\n",
        _economy(results),
        "## The queue\n",
        _queue(results.queue),
        HOW,
        "## The machine\n",
        *(f"- {line}" for line in results.machine),
        f"- load average {before:.1f} before the run and {after:.1f} after it",
        f"- the run took {results.seconds / 60:.1f} minutes",
    ]
    return "\n".join(section for section in sections if section) + "\n"


def _marks(results: Results) -> str:
    single = results.speed[SITUATIONS[0]]
    crowd = results.speed[next(s for s in SITUATIONS if s.threads > 1 and s.delay)]
    cached, bare = ratio(single, OURS, CACHED), ratio(single, OURS, BARE)
    barest = ratio(single, OURS, BAREST)
    throughput = ratio(crowd, BARE, OURS)
    assert cached is not None
    assert bare is not None
    assert barest is not None
    assert throughput is not None
    rows = [
        ("`send_email` to google-api-python-client, cached", cached.median, 1.0, "{:.2f}", "≤"),
        ("`send_email` to bare urllib3", bare.median, 2.0, "{:.2f}", "≤"),
        ("the same to one that composes with `MIMEText`", barest.median, 2.0, "{:.2f}", "≤"),
        (
            f"{THREADS} threads, answers after 100 ms: throughput to bare urllib3's",
            throughput.median * 100,
            95.0,
            "{:.0f} %",
            "≥",
        ),
        ("round trips to Postgres a send", results.round_trips, 2.0, "{:.0f}", "≤"),
        (
            "`import mailcore` over the bare interpreter",
            results.cold.import_mailcore * 1000,
            60.0,
            "{:.0f} ms",
            "≤",
        ),
        (
            "cold first send to importing its libraries",
            results.cold.to_libraries,
            1.1,
            "{:.2f}",
            "≤",
        ),
        (
            f"refreshes for {CALLERS:,} concurrent callers",
            results.refreshes[OURS],
            1.0,
            "{:.0f}",
            "=",
        ),
        *_queue_marks(results.queue),
        *(_page_marks(results.page, results.tabs) if results.tabs else ()),
    ]
    return _table(
        ["", "mark", "found", ""],
        [
            [
                what,
                f"{sign} {form.format(mark)}",
                form.format(found),
                "met" if _met(found, sign, mark) else "**missed**",
            ]
            for what, found, mark, form, sign in rows
        ],
    )


def _queue_marks(queue: QueueFigures) -> list[tuple[str, float, float, str, str]]:
    seconds = "{:.2f} s"
    return [
        ("from commit to sent, idle: median", _at(queue.heard, 0.5), 0.2, seconds, "≤"),
        ("the same: 95th percentile", _at(queue.heard, 0.95), 1.0, seconds, "≤"),
        (
            "the same where LISTEN cannot work: 95th percentile",
            _at(queue.unheard, 0.95),
            5.0,
            seconds,
            "≤",
        ),
        ("`queue_email` in one transaction, a second", queue.in_one, 1000, "{:,.0f}", "≥"),
        ("`queue_email` one by one, a second", queue.one_by_one, 200, "{:,.0f}", "≥"),
        (
            f"{SENDERS} senders, one worker: throughput to `send_email` from {SENDERS} threads",
            queue.one_worker / queue.direct * 100,
            90,
            "{:.0f} %",
            "≥",
        ),
        *(
            (f"a queued message beside {what}, to none", cost / queue.alone, 1.25, "{:.2f}", "≤")
            for what, cost in queue.beside.items()
        ),
    ]


def _queue(queue: QueueFigures) -> str:
    answers = f"With {SENDERS} senders and answers after {DELAY * 1000:.0f} ms"
    return f"""\
- {answers}: `send_email` from {SENDERS} threads sends {queue.direct:.0f} messages a second, one
  worker {queue.one_worker:.0f}, two workers on this machine {queue.two_workers:.0f}.
- A message of one sender takes {queue.alone:.1f} ms from its claim to its record, where Gmail
  answers at once.
"""


def _at(values: tuple[float, ...], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def _page_marks(
    times: tuple[PageTimes, PageTimes], tabs: OpenTabs
) -> list[tuple[str, float, float, str, str]]:
    few, many = times
    share, seconds = "{:.1f} % of a core", "{:.1f} s"
    return [
        ("an idle tab of the senders page", (tabs.one - tabs.none) * 100, 0.3, share, "≤"),
        (f"{MANY_TABS} idle tabs, all in all", tabs.many * 100, 5.0, share, "≤"),
        ("the page's first content, warm", tabs.first_content, 0.5, seconds, "≤"),
        ("`up` from its start to `/readyz`, embedded Postgres", tabs.start, 1.5, seconds, "≤"),
        (
            f"the page with {MANY:,} senders to that with {FEW}",
            many.script / few.script,
            1.2,
            "{:.2f}",
            "≤",
        ),
    ]


def _met(found: float, sign: str, mark: float) -> bool:
    return found >= mark if sign == "≥" else found <= mark


def _ratios(speed: dict[Situation, Rounds]) -> str:
    def cell(rounds: Rounds, name: str) -> str:
        spread = ratio(rounds, name)
        return f"{spread.median:.2f}" if spread else "–"

    return _by_situation(speed, cell)


def _figures(speed: dict[Situation, Rounds]) -> str:
    crowds = {id(rounds) for situation, rounds in speed.items() if situation.threads > 1}

    def cell(rounds: Rounds, name: str) -> str:
        if name not in rounds:
            return "–"
        if id(rounds) in crowds:
            return _spread(Spread.of([1 / seconds for seconds in rounds[name]]))
        return _spread(Spread.of([seconds * 1000 for seconds in rounds[name]]))

    return _by_situation(speed, cell)


def _spread(spread: Spread) -> str:
    digits = 0 if spread.median >= 100 else 1 if spread.median >= 10 else 2
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}–{spread.high:.{digits}f})"


def _by_situation(speed: dict[Situation, Rounds], cell: Callable[[Rounds, str], str]) -> str:
    parts = []
    for threads in (1, THREADS):
        columns = {s: rounds for s, rounds in speed.items() if s.threads == threads}
        title = "One thread" if threads == 1 else f"{threads} threads"
        head = [title, *(f"{s.size}, {s.answers}" for s in columns)]
        rows = [
            [label, *(cell(rounds, name) for rounds in columns.values())]
            for name, label in NAMES.items()
        ]
        parts.append(_table(head, rows))
    return "\n\n".join(parts)


def _steps(shares: Shares) -> str:
    table = _table(
        ["step", "share of a send"],
        [[what, f"{share:.0%}"] for what, share in shares.steps.items()],
    )
    waits = " and ".join(f"{share:.0%} for {whom}" for whom, share in shares.waits.items())
    return f"{table}\n\nOf all this, {waits} is waiting, in which no Python runs."


def _cold(cold: ColdStarts) -> str:
    rows = [
        [NAMES[name], f"{start.seconds:.2f}", f"{start.memory / 2**20:.0f} MB"]
        for name, start in cold.contenders.items()
    ]
    theirs = cold.libraries
    rows.append(
        [
            "only importing the libraries that `send_email` needs",
            f"{theirs.seconds:.2f}",
            f"{theirs.memory / 2**20:.0f} MB",
        ]
    )
    return _table(["", "seconds", "memory"], rows)


def _correctness(reactions: dict[str, Reactions]) -> str:
    rows = []
    for name, row in reactions.items():
        keeps_tokens = name not in {BARE, BAREST}
        alike = row.outage.error == row.revoked.error
        outage = f"{_caught(row.outage)}" + (
            f"; the sender stays {row.status_after_outage}" if row.status_after_outage else ""
        )
        rows.append(
            [
                NAMES[name],
                _posted(row.closed),
                _posted(row.silent),
                _caught(row.limited),
                outage if keeps_tokens else "–",
                _caught(row.revoked) if keeps_tokens else "–",
                ("**no**" if alike else "yes") if keeps_tokens else "–",
            ]
        )
    head = [
        "",
        "closes without answering",
        "takes it, never answers",
        "403 rateLimitExceeded",
        "token endpoint: 503, HTML",
        "token endpoint: revoked",
        "outage and revocation told apart",
    ]
    return _table(head, rows)


def _posted(reaction: Reaction) -> str:
    times = "posted once" if reaction.posts == 1 else f"**posted {reaction.posts} times**"
    return f"{times}, {_caught(reaction)}"


def _caught(reaction: Reaction) -> str:
    return f"`{reaction.error}`" if reaction.error else "no error"


def _economy(results: Results) -> str:
    few, many = results.page
    renewed = "; ".join(f"{NAMES[name]} {count}" for name, count in results.refreshes.items())
    waits = f"{results.round_trips:g} times in an ordinary send, by libpq's own trace"
    callers = f"{CALLERS:,} callers at once, all with an access token that has ended"
    query = f"{few.query * 1000:.1f} ms with {FEW} senders, {many.query * 1000:.1f} ms with"
    script = f"{few.script * 1000:.0f} ms and {many.script * 1000:.0f} ms"
    tabs = _open_tabs(results.tabs) if results.tabs else "not measured, for want of a Chromium"
    return f"""\
- Postgres is waited for {waits}.
- Refreshes for {callers}: {renewed}. {RENEWING}
- The senders page's one query: {query} {MANY:,}. The page's script, all in all: {script}.
- Open tabs: {tabs}.
- {_drafts(results.drafts)}.
- {_probes(results.probes)}
"""


def _probes(probes: ProbeFigures) -> str:
    share = probes.round_cpu / (6 * 3600)
    return (
        f"Asking Google about each of {PROBED:,} grants once takes a worker "
        f"{probes.round_cpu:.0f} s of a core, {share:.2%} of it if spread over 6 hours, and "
        f"{probes.round_trips:.1f} round trips to Postgres for each grant. A look that finds none "
        f"due takes {probes.look * 1000:.1f} ms, four times a minute."
    )


def _drafts(drafts: DraftFigures) -> str:
    return (
        f"A sender that sends [drafts](queue.md#drafts) takes {drafts.ratio:.2f} times as long "
        f"for a message, with {drafts.posts:g} requests to Gmail and {drafts.round_trips:g} round "
        "trips to Postgres. Each request takes as long as Gmail does; this stand-in responds "
        "almost instantly"
    )


def _open_tabs(tabs: OpenTabs) -> str:
    shares = f"{tabs.none:.1%}, {tabs.one:.1%} and {tabs.many:.1%} of a core"
    return (
        f"the page's process and its Postgres connections take {shares} with none, one and "
        f"{MANY_TABS} that are idle. `up` takes {tabs.start_cpu:.1f} s of a core to start"
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
