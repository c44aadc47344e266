"""The promise of /openapi.json, and the running application held to it."""

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from mailcore import RESERVED_ALIASES, InvalidSender, Mailcore
from tests.callback.browsing import API_KEY
from tests.support.authorise import ACCOUNT

#: Enough to meet every operation with good and bad values, in a few seconds; the same
#: ones each time, so that what is green once stays so.
BOUNDED = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)


def test_the_description_is_served_to_anybody(browser: TestClient) -> None:
    """It holds no data, so it takes no key."""
    document = browser.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/senders",
        "/senders/calendar.ics",
        "/senders/{alias}",
        "/senders/{alias}/auth",
        "/senders/{alias}/messages",
        "/senders/{alias}/pause",
        "/senders/{alias}/resume",
        "/deliveries",
        "/deliveries/{delivery}",
        "/deliveries/{delivery}/arrived",
        "/deliveries/{delivery}/retry",
        "/deliveries/{delivery}/discard",
        "/deliveries/{delivery}/hold",
        "/deliveries/{delivery}/release",
        "/metrics",
        "/healthz",
        "/readyz",
    }


@pytest.mark.parametrize(
    "alias",
    ["a", "0", "a.b_c-d", "x" * 63, "x" * 64, "", "A", "-a", "ä", "a b", "a\n", *RESERVED_ALIASES],
)
def test_the_aliases_described_are_those_that_can_be_registered(
    browser: TestClient, core: Mailcore, alias: str
) -> None:
    """Whoever writes a client by the description is not refused an alias that it allows."""
    described = browser.get("/openapi.json").json()["components"]["schemas"]["NewSender"]
    schema = described["properties"]["alias"]
    allowed = re.search(schema["pattern"].replace("$", r"\Z"), alias) is not None
    allowed = allowed and alias not in schema["not"]["enum"]
    if allowed:
        core.senders.register(alias, by="t")
    else:
        with pytest.raises(InvalidSender):
            core.senders.register(alias, by="t")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_application_keeps_its_promise(
    api: TestClient, core: Mailcore, mode: GenerationMode
) -> None:
    """Whatever is sent, right or wrong, the answer is one of those described."""
    core.senders.register("alerts", gmail_account=ACCOUNT, by="t")
    schema = schemathesis.openapi.from_asgi("/openapi.json", api.app)
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == 19

    for operation in operations:
        if mode.is_negative and operation.path in {"/metrics", "/healthz", "/readyz"}:
            continue  # they take nothing that could be wrong

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps_it(case: Case[Any]) -> None:
            # These are addresses of their own, of pages for people.
            assume(case.path_parameters.get("alias") not in RESERVED_ALIASES)
            case.call_and_validate(
                headers={"Authorization": f"Bearer {API_KEY}"},
                # JSON Schema cannot tell a mailbox or an OAuth client from any other text.
                excluded_checks=[positive_data_acceptance],
            )

        keeps_it()
