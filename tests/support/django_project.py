"""A Django project in this process, whose mail goes through pal-e-mail."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import django
import pytest
from django.conf import settings
from django.test.utils import override_settings

import mailcore
from tests.support.authorise import ACCOUNT

if not settings.configured:
    settings.configure(
        EMAIL_BACKEND="mailcore.django.EmailBackend",
        DEFAULT_FROM_EMAIL=f"Shop <{ACCOUNT}>",
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}},
    )
    django.setup()


@contextmanager
def project(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> Iterator[None]:
    """Run with the environment of a deployment, through its sender *alerts*."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    mailcore.default.cache_clear()
    with closing(mailcore.default()), override_settings(PALEMAIL={"ALIAS": "alerts"}):
        yield
    mailcore.default.cache_clear()
