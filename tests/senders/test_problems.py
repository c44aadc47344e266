"""Problems of a client or its project: one of each, until it is known to be over."""

from collections.abc import Callable

import pytest

from mailcore import ConfigurationError, Mailcore, RateLimited, TemporaryFailure
from mailcore.sandbox import GoogleSandbox, faults
from mailcore.senders.problems import PROBLEMS
from tests.support.authorise import ACCOUNT, authorise
from tests.support.driving import Tables
from tests.support.steps import send

OTHER = "billing@example.com"

Problems = Callable[[], list[tuple[str, str | None, str]]]


@pytest.fixture
def problems(tables: Tables) -> Problems:
    """Read what is wrong, the newest first: the code, whose client, and who met it last."""
    statement = f"WITH {PROBLEMS} SELECT code, client, alias FROM problem ORDER BY at DESC"  # noqa: S608

    def read() -> list[tuple[str, str | None, str]]:
        return tables(statement)  # type: ignore[return-value]

    return read


@pytest.fixture
def billing(core: Mailcore, google: GoogleSandbox, authorised: str) -> str:
    """A second sender with the deployment's client."""
    core.senders.register("billing", gmail_account=OTHER, by="t")
    authorise(core, google, "billing")
    return "billing"


def refuse_client(core: Mailcore, google: GoogleSandbox, alias: str) -> None:
    google.fail("token", faults.INVALID_CLIENT)
    with pytest.raises(ConfigurationError):
        core.check(alias)


def test_nothing_is_wrong(problems: Problems, authorised: str) -> None:
    """Where all is well, there is no banner."""
    assert problems() == []


def test_many_senders_that_met_it_are_one_problem(
    core: Mailcore, google: GoogleSandbox, authorised: str, billing: str, problems: Problems
) -> None:
    """One client was refused: one alert, not one for each sender; another problem is another."""
    refuse_client(core, google, authorised)
    refuse_client(core, google, billing)
    assert problems() == [("configuration", None, billing)]
    google.fail("send", faults.ACCESS_NOT_CONFIGURED)
    with pytest.raises(ConfigurationError):
        send(core, authorised)
    assert problems() == [("api_disabled", None, authorised), ("configuration", None, billing)]
    problem = core.senders.page().problem
    assert problem is not None
    assert (problem.code, problem.alias) == ("api_disabled", authorised)


def test_a_senders_own_client_is_its_own_problem(
    core: Mailcore, google: GoogleSandbox, authorised: str, billing: str, problems: Problems
) -> None:
    """That the deployment's client works says nothing of it, nor the other way round."""
    own = google.credentials_for(google.register_client())
    core.senders.set_client(billing, own, by="t")
    authorise(core, google, billing)
    refuse_client(core, google, billing)
    refuse_client(core, google, authorised)
    assert problems() == [("configuration", None, authorised), ("configuration", billing, billing)]
    core.check(authorised)
    assert problems() == [("configuration", billing, billing)]
    core.check(billing)
    assert problems() == []


def test_a_grant_of_any_sender_that_is_renewed_shows_that_the_client_works(
    core: Mailcore, google: GoogleSandbox, authorised: str, billing: str, problems: Problems
) -> None:
    """The secret was put right: that one sender was not asked since does not keep the banner."""
    refuse_client(core, google, authorised)
    core.check(billing)
    assert problems() == []


def test_a_refused_grant_shows_it_too(
    core: Mailcore, google: GoogleSandbox, authorised: str, billing: str, problems: Problems
) -> None:
    """Google looks at a grant only after it has taken the client."""
    refuse_client(core, google, authorised)
    google.revoke_grant(OTHER)
    core.check(billing)
    assert problems() == []


def test_a_renewal_that_is_still_to_come_shows_nothing(  # noqa: PLR0917 - fixtures
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    billing: str,
    problems: Problems,
    tables: Tables,
) -> None:
    """A host whose clock is ahead re-authorised a sender; the banner stays all the same."""
    tables("UPDATE sender SET last_refreshed_at = now() + interval '1 h' WHERE alias = %s", billing)
    refuse_client(core, google, authorised)
    assert problems() == [("configuration", None, authorised)]


def test_mail_shows_nothing_of_the_client(
    core: Mailcore, google: GoogleSandbox, authorised: str, billing: str, problems: Problems
) -> None:
    """A wrong secret stops mail an hour later: until then, access tokens are good.

    Else the alert would come and go with each mail.
    """
    refuse_client(core, google, authorised)
    send(core, billing)
    send(core, authorised)
    assert problems() == [("configuration", None, authorised)]


@pytest.mark.parametrize("fault", [faults.ACCESS_NOT_CONFIGURED, faults.FORBIDDEN])
def test_a_renewal_shows_nothing_of_the_project(  # noqa: PLR0917 - fixtures
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    billing: str,
    problems: Problems,
    fault: faults.Fault,
) -> None:
    """What Gmail says against a project is over when Gmail takes a mail, and not before."""
    google.fail("send", fault)
    with pytest.raises(ConfigurationError):
        send(core, authorised)
    core.check(billing)
    core.check(authorised)
    assert len(problems()) == 1
    send(core, billing)
    assert problems() == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.SERVICE_UNAVAILABLE_HTML, TemporaryFailure),
        (faults.too_many_requests(wait=86_400), RateLimited),
    ],
)
def test_it_is_not_forgotten_over_what_passes_by_itself(  # noqa: PLR0917 - fixtures
    core: Mailcore,
    google: GoogleSandbox,
    authorised: str,
    problems: Problems,
    fault: faults.Fault,
    error: type[Exception],
) -> None:
    """Google was out of order for a moment: that does not say that the client works again."""
    refuse_client(core, google, authorised)
    google.fail("token", fault)
    with pytest.raises(error):
        core.check(authorised)
    assert problems() == [("configuration", None, authorised)]


def test_an_exhausted_quota_is_over_after_a_day(
    core: Mailcore, google: GoogleSandbox, authorised: str, problems: Problems, tables: Tables
) -> None:
    """Google renews it daily."""
    google.fail("send", faults.DAILY_LIMIT_EXCEEDED, times=None, account=ACCOUNT)
    with pytest.raises(RateLimited):
        send(core, authorised, timeout=1)
    assert problems() == [("quota_exceeded", None, authorised)]
    tables("UPDATE sender SET last_error_at = now() - interval '25 h'")
    assert problems() == []
