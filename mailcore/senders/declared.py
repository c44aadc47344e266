"""Bringing the registry to what a file says.

What the file leaves out of a sender stays as it is; senders that it does not name are only
deleted where that is asked for.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from mailcore.errors import InvalidSender
from mailcore.senders.registry import SenderRegistry
from mailcore.senders.validation import SenderChanges, checked_account, checked_alias, checked_text
from mailcore.values.senders import RegistryChange, Sender

#: The keys of a sender in the file, and the fields that they set.
_FIELDS = {"account": "gmail_account", "name": "display_name", "project": "project"}
_EXAMPLE = '[senders.alerts]\naccount = "alerts@example.com"'


@dataclass(frozen=True, slots=True)
class DeclaredSender:
    """A sender as a file has it.

    Attributes:
        alias: its alias.
        fields: what the file says of it, by the field; None empties one.
    """

    alias: str
    fields: dict[str, str | None]


def read_declared(text: str) -> tuple[DeclaredSender, ...]:
    """Read and check a file (TOML 1.0): a table ``[senders.ALIAS]`` for each sender.

    Args:
        text: the file. A sender may have ``account``, ``name`` and ``project``, all text; an
            empty text empties the field.

    Raises:
        InvalidSender: it cannot be read, or a field is unusable; the text says which.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InvalidSender(f"The file is not valid TOML: {exc}", field="file") from exc
    senders = document.get("senders")
    if not isinstance(senders, dict) or set(document) != {"senders"}:
        raise InvalidSender(
            "The file must consist of one table for each sender.",
            remedy=f"Example:\n{_EXAMPLE}",
            field="file",
        )
    return tuple(_declared(checked_alias(alias), given) for alias, given in senders.items())


def _declared(alias: str, given: Any) -> DeclaredSender:
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise InvalidSender(
            f"[senders.{alias}] must hold texts only.",
            remedy=f"Example:\n{_EXAMPLE}",
            field="file",
            alias=alias,
        )
    if unknown := set(given) - set(_FIELDS):
        raise InvalidSender(
            f"[senders.{alias}] has an unknown key {min(unknown)!r}.",
            remedy=f"Known keys: {', '.join(_FIELDS)}.",
            field="file",
            alias=alias,
        )
    fields = {_FIELDS[name]: _checked(_FIELDS[name], value, alias) for name, value in given.items()}
    return DeclaredSender(alias, fields)


def _checked(field: str, value: str, alias: str) -> str | None:
    if field == "gmail_account":
        return checked_account(value, alias)
    return checked_text(value, field, alias)


def apply(
    registry: SenderRegistry,
    declared: tuple[DeclaredSender, ...],
    *,
    dry_run: bool,
    delete_others: bool,
    by: str,
) -> Iterator[RegistryChange]:
    """Make the changes, one after the other, and yield each once it is made.

    All of them are checked first. Doing it again changes nothing.

    Args:
        registry: the senders.
        declared: as the file has them.
        dry_run: only say what would change.
        delete_others: delete the senders that the file does not name.
        by: who does it.

    Raises:
        InvalidSender: an authorised sender would get another account. Nothing was changed.
        DatabaseUnavailable: Postgres cannot be reached.
    """
    present = {sender.alias: sender for sender in registry.every()}
    for wanted in declared:
        _check_account(wanted, present.get(wanted.alias))
    for wanted in declared:
        yield _bring(registry, wanted, present.pop(wanted.alias, None), dry_run=dry_run, by=by)
    for alias in sorted(present):
        if delete_others and not dry_run:
            registry.delete(alias, by=by)
        yield RegistryChange(alias=alias, action="delete" if delete_others else "keep", detail="")


def _check_account(wanted: DeclaredSender, sender: Sender | None) -> None:
    if sender is None or not sender.generation or "gmail_account" not in wanted.fields:
        return
    if wanted.fields["gmail_account"] != sender.gmail_account:
        raise InvalidSender(
            f"Sender {sender.alias!r} is authorised for {sender.gmail_account}. Nothing was "
            "changed.",
            remedy="To send from another account, declare another sender.",
            field="gmail_account",
            alias=sender.alias,
        )


def _bring(
    registry: SenderRegistry,
    wanted: DeclaredSender,
    sender: Sender | None,
    *,
    dry_run: bool,
    by: str,
) -> RegistryChange:
    changes = {
        name: value
        for name, value in wanted.fields.items()
        if value != (None if sender is None else getattr(sender, name))
    }
    detail = ", ".join(f"{name}: {value or 'none'}" for name, value in changes.items())
    if sender is not None and not changes:
        return RegistryChange(alias=wanted.alias, action="none", detail="")
    if sender is None:
        if not dry_run:
            registry.register(wanted.alias, by=by, **changes)
        return RegistryChange(alias=wanted.alias, action="add", detail=detail)
    if not dry_run:
        registry.update(wanted.alias, by=by, **cast("SenderChanges", changes))
    return RegistryChange(alias=wanted.alias, action="change", detail=detail)
