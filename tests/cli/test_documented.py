"""docs/errors.md and docs/settings.md, held to the program that they describe."""

import re
from http import HTTPStatus
from pathlib import Path

import pytest

from callback.error_responses import OUTCOMES
from mailcore import SETTING_EXAMPLES, AuthorizationError, MailError, PalEMailError, Settings
from mailcore.cli.exit_codes import ExitCode, exit_code
from mailcore.settings import variable_name

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str) -> dict[str, list[str]]:
    """Return the cells of each row of a page's tables, by the first one."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|")
    return {row[0]: row[1:] for row in cells}


def kinds(error: type[PalEMailError]) -> list[type[PalEMailError]]:
    return [kind for child in error.__subclasses__() for kind in (child, *kinds(child))]


@pytest.mark.parametrize(
    "kind", sorted(set(kinds(PalEMailError)) - {AuthorizationError, MailError}, key=str)
)
def test_every_error(kind: type[PalEMailError]) -> None:
    """Whoever looks an error up finds its code, exit code, status, fields and a way on."""
    code, exits, status, fields, advice = rows("errors.md")[f"`{kind.__name__}`"]
    assert code == f"`{kind.code}`"
    documented = {ExitCode(int(number)) for number in re.findall(r"\d+", exits)}
    error = kind.__new__(kind)
    expected = set()
    for field in ("to", "text", "credentials_json"):
        error.__dict__["field"] = field
        expected.add(exit_code(error))
    assert documented == expected
    outcome = OUTCOMES.get(kind.code)
    assert status == (str(int(outcome.status)) if outcome else "–")
    described = "".join(part.__doc__ or "" for part in kind.__mro__)
    assert all(f"{name}: " in described for name in re.findall(r"`(\w+)`", fields))
    assert advice


def test_every_exit_code() -> None:
    """Whoever looks an exit code up finds it, and none that is never used."""
    documented = {int(first) for first in rows("errors.md") if first.isdigit()}
    assert documented == {*map(int, ExitCode), 130}


def test_every_problem() -> None:
    """Whoever looks an API problem's code up finds it, with the status that it comes with."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in (DOCS.parent / "callback").glob("*.py")
    )
    raised = re.findall(r'HTTPStatus\.([A-Z_]+),\s*"([a-z_]+)"', source)
    assert raised
    documented = {
        (int(cells[0]), code)
        for first, cells in rows("errors.md").items()
        for code in re.findall(r"`([a-z_]+)`", first)
        if cells and cells[0].isdigit()
    }
    assert {(int(HTTPStatus[name]), code) for name, code in raised} <= documented


def test_every_setting() -> None:
    """Whoever looks a setting up finds its default and an example, and none that is not read."""
    documented = rows("settings.md")
    names = {variable_name(field) for field in Settings.model_fields}
    assert {first.strip("`") for first in documented if first.startswith("`")} == names
    for field, info in Settings.model_fields.items():
        name = variable_name(field)
        default, example, *_ = documented[f"`{name}`"]
        if isinstance(info.default, str | Path):
            assert default == f"`{info.default}`"
        elif isinstance(info.default, float):
            assert default == f"`{info.default:g}`"
        elif info.default_factory is None:
            assert default == "none"
        assert example
        if not isinstance(info.default, str | Path) and "secret" not in SETTING_EXAMPLES[name]:
            assert SETTING_EXAMPLES[name] in (example, example.strip("`"))
