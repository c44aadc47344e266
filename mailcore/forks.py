"""Forked workers share no socket and no lock with their parent."""

import os
import weakref
from typing import Protocol


class ForkAware(Protocol):
    """Holds something that a forked child must not use."""

    def forget_parent(self) -> None:
        """Called in the child: let go of what is the parent's, without closing it."""


_aware: "weakref.WeakSet[ForkAware]" = weakref.WeakSet()


def watch(holder: ForkAware) -> None:
    """Have `holder.forget_parent` called in every forked child."""
    _aware.add(holder)


def _forget_parent() -> None:
    for holder in list(_aware):
        holder.forget_parent()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_forget_parent)
