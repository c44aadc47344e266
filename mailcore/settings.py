"""The settings, read from the environment. Nothing else reads it."""

import os
from base64 import urlsafe_b64decode
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from mailcore import alert_urls, api_keys
from mailcore.alert_urls import AlertUrl
from mailcore.api_keys import ApiKey
from mailcore.errors import ConfigurationError

DEFAULT_PUBLIC_URL = "http://localhost:8501"

GOOGLE_ISSUER = "https://accounts.google.com"
_KEY_BYTES = 32
_GOOGLE_TOKEN_HOST = "oauth2.googleapis.com"  # noqa: S105 - an address

#: A hundred years: the end of any grant can still be stored as a date.
_MOST_DAYS = 36500

#: An example of each setting, shown when its value is wrong and on the Setup page.
SETTING_EXAMPLES = {
    "DATABASE_URL": "postgresql://palemail:secret@db.example.com:5432/palemail",
    "GOOGLE_CLIENT_ID": "1234567890-abc.apps.googleusercontent.com",
    "GOOGLE_CLIENT_SECRET": "the secret that Google's console shows next to the client ID",
    "GOOGLE_CREDENTIALS_FILE": "/etc/pal-e-mail/credentials.json",
    "GMAIL_SECRETS_DIR": "~/secrets/google-oauth",
    "PALEMAIL_DATA_DIR": "/var/lib/pal-e-mail",
    "PALEMAIL_PUBLIC_URL": "https://mail.example.com",
    "PALEMAIL_API_KEYS": "ci:KEY,app/send/billing-*:KEY",
    "PALEMAIL_ADMIN_EMAILS": "ann@example.com,bob@example.com",
    "PALEMAIL_ADMIN_DOMAIN": "example.com",
    "PALEMAIL_ENCRYPTION_KEYS": "a key printed by `pal-e-mail rotate-keys --new`",
    "PALEMAIL_ALERT_URLS": "slack://…, urgent palemail://ops@example.com",
    "PALEMAIL_ALERT_DELAY": "300",
    "PALEMAIL_HEARTBEAT_URL": "https://hc-ping.com/the-id-of-your-check",
    "PALEMAIL_SMTP_PORT": "2525",
    "PALEMAIL_SMTP_HOST": "127.0.0.1",
    "PALEMAIL_SMTP_CERTIFICATE": "/etc/pal-e-mail/smtp.pem",
    "PALEMAIL_SMTP_KEY": "/etc/pal-e-mail/smtp-key.pem",
    "PALEMAIL_SMTP_FROM": "refuse",
    "PALEMAIL_GRANT_DAYS": "7",
    "PALEMAIL_SIGNED_USER_HEADER": "Cf-Access-Jwt-Assertion",
    "PALEMAIL_SIGNED_USER_KEYS_URL": "https://example.cloudflareaccess.com/cdn-cgi/access/certs",
    "PALEMAIL_SIGNED_USER_ISSUER": "https://example.cloudflareaccess.com",
    "PALEMAIL_SIGNED_USER_AUDIENCE": "the application's AUD tag",
    "PALEMAIL_SIGNED_USER_CLAIM": "email",
    "PALEMAIL_MESSAGES_PER_SECOND": "2",
    "PALEMAIL_MESSAGES_PER_DAY": "2000",
    "PALEMAIL_RECIPIENTS_PER_DAY": "10000",
    "PALEMAIL_GIVE_UP_AFTER": "3",
    "PALEMAIL_KEEP_DELIVERIES": "90",
    "PALEMAIL_KEEP_EVENTS": "400",
    "PALEMAIL_KEEP_BODIES": "7",
    "PALEMAIL_TRUSTED_USER_HEADER": "X-Auth-Request-Email",
    "PALEMAIL_GOOGLE_AUTH_URI": "https://accounts.google.com/o/oauth2/v2/auth",
    "PALEMAIL_GOOGLE_TOKEN_URI": "https://oauth2.googleapis.com/token",
    "PALEMAIL_GOOGLE_REVOKE_URI": "https://oauth2.googleapis.com/revoke",
    "PALEMAIL_GMAIL_API_ENDPOINT": "https://gmail.googleapis.com/",
}


def is_loopback(url: str) -> bool:
    """Say whether a URL's host is the loopback address."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    if parts.query or parts.fragment:
        raise ValueError("must not have a query string or a fragment")
    return value


def _encrypted_unless_loopback(value: str) -> str:
    if urlsplit(_web_address(value)).scheme == "http" and not is_loopback(value):
        raise ValueError("must be https; plain http is allowed for localhost only")
    return value


def _postgres_address(value: SecretStr) -> SecretStr:
    scheme, separator, rest = value.get_secret_value().partition("://")
    if scheme.partition("+")[0] not in {"postgresql", "postgres"} or not separator or not rest:
        raise ValueError("must be a postgresql:// address")
    try:
        host = conninfo_to_dict(f"postgresql://{rest}").get("host") or ""
    except ProgrammingError:
        host = "@"
    if "@" in str(host):
        # libpq's own error may contain the password.
        raise ValueError(
            "cannot be parsed: percent-encode special characters in the password, and use only "
            "options that libpq knows"
        ) from None
    return value


def _encryption_keys(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for key in value:
        try:
            size = len(urlsafe_b64decode(key.get_secret_value()))
        except ValueError:  # it would quote the key
            size = 0
        if size != _KEY_BYTES:
            raise ValueError("every key must be 32 bytes in url-safe base64")
    return value


def _days(value: object) -> object:
    try:
        days = float(str(value))
    except ValueError as exc:
        raise ValueError("must be a number of days") from exc
    if not 0 < days <= _MOST_DAYS:
        raise ValueError(f"must be more than 0 and at most {_MOST_DAYS} days")
    return days


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = tuple(part.strip() for part in value.split(",") if part.strip())
    if value and not parts:
        # Such as "$ANN,$BOB" with neither set: nobody meant to let everybody in.
        raise ValueError("contains only commas and spaces; if it is meant to be empty, unset it")
    return parts


def _heartbeat_address(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return value


def _alert_urls(value: object) -> object:
    return alert_urls.parse(value) if isinstance(value, str) else value


def _api_keys(value: object) -> object:
    return api_keys.parse(value) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_comma_separated)]
Days = Annotated[float, BeforeValidator(_days)]
Endpoint = Annotated[str, AfterValidator(_encrypted_unless_loopback)]


class Settings(BaseModel):
    """The deployment's settings, from the environment or from keyword arguments.

    Raises:
        ConfigurationError: a value is wrong. The message names the setting, says what is
            wrong and gives an example; it never contains a secret.
    """

    model_config = ConfigDict(
        validate_by_alias=True, validate_by_name=True, frozen=True, extra="forbid"
    )

    database_url: Annotated[SecretStr, AfterValidator(_postgres_address)] | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )
    google_client_id: str | None = Field(default=None, validation_alias="GOOGLE_CLIENT_ID")
    google_client_secret: SecretStr | None = Field(
        default=None, validation_alias="GOOGLE_CLIENT_SECRET"
    )
    google_credentials_file: Path | None = Field(
        default=None, validation_alias="GOOGLE_CREDENTIALS_FILE"
    )
    gmail_secrets_dir: Path = Field(
        default=Path("~/secrets/google-oauth"), validation_alias="GMAIL_SECRETS_DIR"
    )

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("pal-e-mail"))
    public_url: Annotated[str, AfterValidator(_web_address)] = DEFAULT_PUBLIC_URL
    api_keys: Annotated[dict[str, ApiKey], BeforeValidator(_api_keys)] = {}
    admin_emails: CommaSeparated = ()
    admin_domain: str | None = None
    encryption_keys: Annotated[SecretList, AfterValidator(_encryption_keys)] = ()
    alert_urls: Annotated[tuple[AlertUrl, ...], BeforeValidator(_alert_urls)] = ()
    #: Seconds that an alert waits for others, to go out with them.
    alert_delay: Annotated[float, Field(ge=0, le=3600)] = 300.0
    heartbeat_url: Annotated[SecretStr, AfterValidator(_heartbeat_address)] | None = None
    #: With `up`, a server for SMTP listens here; None: there is none.
    smtp_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    smtp_host: str = "127.0.0.1"
    smtp_certificate: Path | None = None
    smtp_key: Path | None = None
    smtp_from: Literal["replace", "refuse"] = "replace"
    grant_days: Days | None = None
    #: Of each sender that has no limits of its own; None sets none.
    messages_per_second: Annotated[float, Field(gt=0, le=1000)] | None = None
    messages_per_day: Annotated[int, Field(gt=0)] | None = None
    recipients_per_day: Annotated[int, Field(gt=0)] | None = None
    give_up_after: Days = 3.0
    keep_deliveries: Days = 90.0
    keep_events: Days = 400.0
    keep_bodies: Days = 7.0
    signed_user_header: str | None = None
    signed_user_keys_url: Annotated[str, AfterValidator(_encrypted_unless_loopback)] | None = None
    signed_user_issuer: str | None = None
    signed_user_audience: str | None = None
    signed_user_claim: str = "email"
    trusted_user_header: str | None = None
    google_auth_uri: Endpoint = "https://accounts.google.com/o/oauth2/v2/auth"
    google_token_uri: Endpoint = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    google_revoke_uri: Endpoint = "https://oauth2.googleapis.com/revoke"
    gmail_api_endpoint: Endpoint = "https://gmail.googleapis.com/"

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**_from_environment(values), **values)
        except ValidationError as exc:
            # A chained error would print the values, including secrets.
            raise ConfigurationError(_faults(exc)) from None

    @model_validator(mode="after")
    def _client_is_whole(self) -> Self:
        if bool(self.google_client_id) != bool(self.google_client_secret):
            raise ValueError(
                "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET must both be set, or neither"
            )
        return self

    @model_validator(mode="after")
    def _domain_has_a_login(self) -> Self:
        if self.admin_domain and (not self.admin_emails or self.user_header):
            raise ValueError(
                "PALEMAIL_ADMIN_DOMAIN is for logins with Google: it needs "
                "PALEMAIL_ADMIN_EMAILS, and cannot be combined with a proxy's user header"
            )
        return self

    @model_validator(mode="after")
    def _signed_user_is_whole(self) -> Self:
        needed = ("header", "keys_url", "issuer", "audience")
        missing = [name for name in needed if not getattr(self, f"signed_user_{name}")]
        if len(missing) == len(needed):
            if "signed_user_claim" in self.model_fields_set:
                raise ValueError("PALEMAIL_SIGNED_USER_CLAIM needs PALEMAIL_SIGNED_USER_HEADER")
            return self
        if missing:
            names = ", ".join(variable_name(f"signed_user_{name}") for name in missing)
            raise ValueError(
                f"the signed user header is only partly set up; also set {names}, without which "
                "its signature proves nothing"
            )
        if self.trusted_user_header:
            raise ValueError(
                "PALEMAIL_SIGNED_USER_HEADER and PALEMAIL_TRUSTED_USER_HEADER cannot both be "
                "set; the signed one is safer"
            )
        return self

    @property
    def user_header(self) -> str | None:
        """The header in which a proxy names the user, signed or not."""
        return self.signed_user_header or self.trusted_user_header

    @property
    def redirect_uri(self) -> str:
        """Where Google sends people back to. Google's console must list exactly this."""
        return f"{self.public_url.rstrip('/')}/senders/callback"

    @property
    def login_redirect_uri(self) -> str:
        """Where Google sends admins back to after a login. Google's console must list it, too."""
        return f"{self.public_url.rstrip('/')}/oauth2callback"

    @property
    def google_issuer(self) -> str:
        """Who issues ID tokens: Google, or the origin of a token endpoint that isn't Google's."""
        token_uri = urlsplit(self.google_token_uri)
        if token_uri.hostname == _GOOGLE_TOKEN_HOST:
            return GOOGLE_ISSUER
        return f"{token_uri.scheme}://{token_uri.netloc}"

    def sources(self) -> dict[str, tuple[str, bool]]:
        """Return each setting's value for display, and whether it was set.

        Secrets are shown as dots, unset values as an empty string.
        """
        return {
            variable_name(name): (_shown(getattr(self, name)), name in self.model_fields_set)
            for name in type(self).model_fields
        }


def variable_name(field: str) -> str:
    """Return the environment variable that a field of `Settings` is read from."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"PALEMAIL_{field.upper()}"


def _from_environment(given: Collection[str]) -> dict[str, str]:
    """Return what the environment sets, but for what is given otherwise; empty counts as unset.

    pydantic-settings does this, too, and costs each job 4 MB for sources of no use here.
    """
    environment = {name.upper(): value for name, value in os.environ.items() if value}
    found = {}
    for field in Settings.model_fields:
        name = variable_name(field)
        if name in environment and field not in given and name not in given:
            found[field] = environment[name]
    return found


def _shown(value: object) -> str:
    if isinstance(value, SecretStr | AlertUrl):
        return "••••••"
    if isinstance(value, dict):
        return ", ".join(value)
    if isinstance(value, tuple):
        return ", ".join(_shown(part) for part in value)
    return "" if value is None else str(value)


def _faults(exc: ValidationError) -> str:
    lines = []
    for error in exc.errors(include_url=False, include_input=False):
        fault = error["msg"].removeprefix("Value error, ")
        place = str(error["loc"][0]) if error["loc"] else ""
        if not place:
            lines.append(f"{fault}.")
            continue
        name = variable_name(place) if place in Settings.model_fields else place
        lines.append(f"{name}: {fault}. Example: {SETTING_EXAMPLES.get(name, '')}")
    return "\n".join(lines)
