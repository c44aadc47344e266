"""A short run of `make prove`: a part of its matrix, and a while of its chaos."""

import pytest

from proof import matrix
from proof.runs import try_chaos, try_matrix

#: Every so many cells of the matrix.
_EVERY = 16
_CHAOS = 12.0


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxy"])
def test_what_is_told_is_what_gmail_has(postgres_server: str, *, proxied: bool) -> None:
    """Whatever way a program sends, and whatever comes in the place of Google's answer."""
    wanted = matrix.cases()[5 if proxied else 0 :: _EVERY]
    cells = list(try_matrix(postgres_server, wanted, proxied=proxied))
    assert len(cells) == len(wanted)
    problems = [(cell, cell.wrong()) for cell in cells if cell.wrong()]
    assert not problems
    # Every kind of end was met, or this would prove little.
    assert {cell.row.value for cell in cells} >= {"sent", "unknown", "queued"}


@pytest.mark.process
def test_amid_chaos_every_message_is_accounted_for() -> None:
    """Nothing twice, nothing lost, nothing stuck, nobody blamed wrongly."""
    try:
        ledger = try_chaos(_CHAOS, seed=11)
    except LookupError as exc:
        pytest.skip(str(exc))
    assert not ledger.wrong
    assert ledger.taken > 100
