"""The examples in docs/other-programs.md, each run as it stands there, where its tool is."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mailcore import Mailcore, Settings
from tests.callback.browsing import API_KEY, KEYS, served

PAGE = Path(__file__).parents[2] / "docs" / "other-programs.md"
#: How each tool runs a file.
TOOLS = {"curl": ["sh"], "node": ["node"], "go": ["go", "run"]}
SUFFIXES = {"curl": ".sh", "node": ".mjs", "go": ".go"}


@pytest.mark.parametrize("tool", TOOLS)
def test_an_example_queues_a_message(
    settings: Settings, core: Mailcore, tmp_path: Path, tool: str
) -> None:
    """Twice, as a program that retries: it is one message."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- example: {tool} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found
    program = tmp_path / f"example{SUFFIXES[tool]}"
    program.write_text(found[1])
    core.senders.register("alerts", by="test")
    with served(settings.model_copy(update={"api_keys": KEYS})) as serving:
        for _ in range(2):
            ran = subprocess.run(
                [*TOOLS[tool], str(program)],
                env={**os.environ, "URL": serving.settings.public_url, "KEY": API_KEY},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
    [delivery] = core.deliveries.listing()
    assert delivery.waits_for == "reauth"
