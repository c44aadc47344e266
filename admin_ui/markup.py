"""Text as Markdown: that of others as it is, and what is beside the point in grey."""

import re


def escaped(text: str) -> str:
    """Return text that a Markdown element shows as it is.

    Streamlit looks for emoji (``:name:``), addresses and links even in text whose marks
    are escaped. A word joiner, which nobody sees, keeps it from the first; a mark in an
    element of its own from the others, so that what is copied is still what is meant.
    """
    marked = re.sub(r"([\\`*_{}\[\]()#+\-.!|~$<>^])", r"\\\1", text)
    marked = re.sub(r":(?=[A-Za-z]|\d+:)", ":\u2060", marked)
    marked = re.sub(r"(?i)\b(www)\\\.", r"\1:small[.]", marked)
    return marked.replace("@", ":small[@]").replace("://", ":small[:]//")


def quiet(markdown: str) -> str:
    """Return Markdown that is drawn small and grey, for what is beside the point."""
    return f":small[:gray[{markdown}]]"
