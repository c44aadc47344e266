"""What an admin can write into PALEMAIL_API_KEYS, and what it allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mailcore import ApiKey, ApiScope, ConfigurationError, Settings, digest_of
from mailcore.api_keys import new_key
from mailcore.cli.app import app

KEY = "k" * 32
LABELS = st.text(
    st.characters(exclude_characters=",:/", exclude_categories=["Cs", "Cc", "Z"]), min_size=1
)
KEYS = st.text(
    st.characters(exclude_characters=",:", exclude_categories=["Cs", "Cc", "Z"]), min_size=32
)


@given(st.dictionaries(LABELS, KEYS, max_size=8))
def test_keys_are_read_by_their_labels(keys: dict[str, str]) -> None:
    """Each key is found under the label that the audit trail will name, and may do everything."""
    read = Settings(api_keys=", ".join(f"{label}:{key}" for label, key in keys.items())).api_keys

    assert {label: key.digest for label, key in read.items()} == {
        label: digest_of(key) for label, key in keys.items()
    }
    assert all(key.may(ApiScope.ADMIN) and key.may_use("alerts") for key in read.values())


@given(KEYS)
def test_a_single_key_needs_no_label(key: str) -> None:
    """`PALEMAIL_API_KEYS=…` alone is enough to begin with."""
    assert Settings(api_keys=key).api_keys == {"api": ApiKey(digest=digest_of(key))}


def test_a_key_may_hold_colons() -> None:
    """What stands before the first is the label, and nothing of the key is."""
    assert Settings(api_keys=f"ci:{KEY}:x").api_keys["ci"].digest == digest_of(f"{KEY}:x")


def test_a_key_is_limited_to_scopes_and_senders() -> None:
    """It may do what stands after its label, and nothing else."""
    keys = Settings(api_keys=f"app/read+send/billing-*+alerts:{KEY},look/read:{KEY}2").api_keys

    assert [scope for scope in ApiScope if keys["app"].may(scope)] == [ApiScope.READ, ApiScope.SEND]
    assert [scope for scope in ApiScope if keys["look"].may(scope)] == [ApiScope.READ]
    assert keys["look"].may_use("anything")
    asked = ("alerts", "billing-eu", "billing", "alerts2", "")
    assert [alias for alias in asked if keys["app"].may_use(alias)] == ["alerts", "billing-eu"]


def test_a_short_key_is_refused_with_the_way_to_a_long_one() -> None:
    """31 characters are too few; the error names the command, and does not repeat the key."""
    with pytest.raises(ConfigurationError, match="pal-e-mail new-api-key") as caught:
        Settings(api_keys=f"ci:{KEY[1:]}")

    assert "kkk" not in str(caught.value)


def test_the_command_prints_a_key_that_is_accepted() -> None:
    """Another one each time."""
    printed = CliRunner().invoke(app, ["new-api-key"]).stdout.strip()

    assert Settings(api_keys=f"ci:{printed}").api_keys["ci"].digest == digest_of(printed)
    assert printed != new_key()


def test_no_key_stays_in_the_settings() -> None:
    """Only its hash does, and even that is in no repr."""
    settings = Settings(api_keys=f"ci:{KEY}")

    assert KEY not in repr(settings)
    assert KEY not in str(settings.model_dump())
    assert digest_of(KEY).hex() not in repr(settings)
