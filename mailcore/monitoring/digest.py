"""What a message says: short enough for a text message, and as mail in the look of the pages."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from mailcore.values.alerts import AlertKind

if TYPE_CHECKING:
    from jinja2 import Template

#: Items that a message spells out. Of more, it counts the rest and leads to the senders page.
MOST_ITEMS = 10

#: For the title: of one sender, and of several.
_HAPPENED = {
    AlertKind.EXPIRED: ("expired", "expired"),
    AlertKind.BLOCKED: ("blocked", "blocked"),
    AlertKind.PROBLEM: ("setup problem", "setup problems"),
    AlertKind.ABOUT_TO_EXPIRE: ("expires soon", "expire soon"),
    AlertKind.EXPIRING: ("expires soon", "expire soon"),
    AlertKind.LAPSED: ("has given up mail", "have given up mail"),
    AlertKind.WAITING: ("has mail waiting", "have mail waiting"),
    AlertKind.UNKNOWN_OUTCOME: ("has mail of unknown outcome", "have mail of unknown outcome"),
}
_WORST_FIRST = tuple(_HAPPENED)

#: The pages' colours.
_TONES = {
    AlertKind.EXPIRED: "#c4202b",
    AlertKind.BLOCKED: "#7a3fc0",
    AlertKind.PROBLEM: "#c4202b",
    AlertKind.LAPSED: "#c4202b",
}
_AMBER, _GREEN = "#8a5a00", "#1a7f37"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One alert in a message.

    Attributes:
        kind: what it is about.
        alias: the sender.
        account: its mailbox, or None.
        text: what is wrong, as one or two sentences.
        action: the link's text.
        url: where it leads.
    """

    kind: AlertKind
    alias: str
    account: str | None
    text: str
    action: str
    url: str

    @property
    def name(self) -> str:
        """The sender, with its account if it is known."""
        return f"{self.alias} ({self.account})" if self.account else self.alias

    @property
    def tone(self) -> str:
        """The colour that it has on the pages."""
        return _TONES.get(self.kind, _AMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as it goes out.

    Attributes:
        title: one line.
        text: for services that show plain text.
        html: for those that show HTML.
    """

    title: str
    text: str
    html: str


def compose(
    project: str | None,
    counts: Counter[AlertKind],
    items: Sequence[Item],
    resolved: Sequence[str],
    *,
    home: str,
) -> Message:
    """Return the message about a project.

    Args:
        project: its name; None if the senders have none.
        counts: how many alerts there are of each kind.
        items: the worst of them, at most `MOST_ITEMS`.
        resolved: the names of senders that work again.
        home: the address of the senders page.
    """
    more = counts.total() - len(items)
    title = f"{project or 'pal-e-mail'}: {_summary(counts, items, resolved)}"
    again = _working_again(resolved)
    lines = [f"{item.name} {item.text}\n{item.action}: {item.url}" for item in items]
    if more:
        lines.append(f"And {more} more. See all, and renew them one after another: {home}")
    if again:
        lines.append(again)
    html = _template().render(
        title=title, items=items, more=more, again=again, home=home, green=_GREEN
    )
    return Message(title=title, text="\n\n".join(lines), html=html)


def worst_first(kinds: Iterable[AlertKind]) -> list[AlertKind]:
    """Return kinds of alerts in the order in which a message tells them."""
    return sorted(kinds, key=_WORST_FIRST.index)


def _summary(counts: Counter[AlertKind], items: Sequence[Item], resolved: Sequence[str]) -> str:
    if not counts:
        count = len(resolved)
        return f"{resolved[0]} works again" if count == 1 else f"{count} senders work again"
    if counts.total() == 1 and items[0].kind is not AlertKind.PROBLEM:
        return f"{items[0].alias} {_HAPPENED[items[0].kind][0]}"
    by_words: Counter[tuple[str, str]] = Counter()
    for kind in worst_first(counts):
        by_words[_HAPPENED[kind]] += counts[kind]
    return ", ".join(
        f"{count} {one if count == 1 else several}" for (one, several), count in by_words.items()
    )


def _working_again(resolved: Sequence[str]) -> str | None:
    if not resolved:
        return None
    shown, more = resolved[:MOST_ITEMS], len(resolved) - MOST_ITEMS
    names = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return f"Working again: {names}."


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only where alerts go out

    source = (files("mailcore") / "monitoring" / "digest.html").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
