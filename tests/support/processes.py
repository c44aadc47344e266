"""Starting jobs in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.steps import ORDINARY

_ROOT = Path(__file__).parents[2]


@contextmanager
def job(environment: Mapping[str, str], **changes: Any) -> Iterator[subprocess.Popen[str]]:
    """Run `tests.support.job`; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.job", json.dumps({**ORDINARY, **changes})],
        cwd=_ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def outcomes(process: subprocess.Popen[str]) -> list[dict[str, str]]:
    """Wait for a job, and return what came of each of its calls."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in output.splitlines()]
