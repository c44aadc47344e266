"""Text as Markdown: escaped, with commands as code, or small and grey."""

import re


def escaped(text: str) -> str:
    """Return text escaped so that a Markdown element shows it verbatim.

    Streamlit still turns emoji (``:name:``), addresses and links into markup when every
    special character is escaped. An invisible word joiner prevents the first; putting one
    character into an element of its own prevents the others, and copies correctly.
    """
    marked = re.sub(r"([\\`*_{}\[\]()#+\-.!|~$<>^])", r"\\\1", text)
    marked = re.sub(r":(?=[A-Za-z]|\d+:)", ":\u2060", marked)
    marked = re.sub(r"(?i)\b(www)\\\.", r"\1:small[.]", marked)
    return marked.replace("@", ":small[@]").replace("://", ":small[:]//")


def sentence(text: str) -> str:
    """Return one of mailcore's sentences as Markdown: `commands` in backticks become code."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(escaped(part) if number % 2 == 0 else part for number, part in enumerate(parts))


def quiet(markdown: str) -> str:
    """Return Markdown that is drawn small and grey, for secondary information."""
    return f":small[:gray[{markdown}]]"
