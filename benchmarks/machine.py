"""What the benchmark ran on, without naming the machine."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psycopg

LIBRARIES = (
    "ezgmail",
    "gmail-sdk-ldraney",
    "google-api-python-client",
    "google-auth",
    "httplib2",
    "httpx",
    "psycopg",
    "requests",
    "simplegmail",
    "sqlalchemy",
    "sqlmodel",
    "streamlit",
    "urllib3",
)


def describe(database_url: str) -> list[str]:
    """Return lines about cores, memory, system and versions."""
    with psycopg.connect(database_url) as connection:
        postgres = connection.info.server_version
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{os.cpu_count()} cores, {_processor()}",
        f"{memory:.0f} GB of memory, {platform.system()} {platform.release().partition('-')[0]}",
        f"Python {platform.python_version()}",
        f"Postgres {postgres // 10000}.{postgres % 10000} on a socket, without fsync",
        ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    ]


def load() -> float:
    """Return how many processes wanted to run, on average over the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()
