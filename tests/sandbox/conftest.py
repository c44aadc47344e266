"""A sandbox for each of its own tests, and a client that calls it."""

from collections.abc import Iterator

import pytest
import urllib3

from mailcore.sandbox import GoogleSandbox
from tests.sandbox.sandbox_calling import ANN, BOB, Caller


@pytest.fixture
def google() -> Iterator[GoogleSandbox]:
    with GoogleSandbox(accounts=[ANN, BOB]) as sandbox:
        yield sandbox


@pytest.fixture
def caller(google: GoogleSandbox) -> Iterator[Caller]:
    with urllib3.PoolManager(retries=False, timeout=10, maxsize=40) as http:
        yield Caller(google, http)
