"""Try out what pal-e-mail promises, and write docs/reliability.md.

python -m proof.run [--minutes N] [--seed N]
"""

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import track

from proof import matrix
from proof.report import Results, render
from proof.runs import try_chaos, try_matrix
from tests.support import postgres

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"


def main() -> None:
    """Run, write the page, and fail where something does not hold."""
    parser = argparse.ArgumentParser(description="Try out what pal-e-mail promises.")
    parser.add_argument("--minutes", type=float, default=10, help="of chaos")
    parser.add_argument("--seed", type=int, default=1, help="what goes wrong when")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    cells = {}
    with postgres.server() as server:
        for way, proxied in (("straight", False), ("through a proxy", True)):
            wanted = matrix.cases()
            tried = try_matrix(server, wanted, proxied=proxied)
            cells[way] = list(track(tried, f"The fault matrix, {way}", total=len(wanted)))
    sys.stderr.write(f"Chaos, for {options.minutes:g} minutes.\n")
    chaos = try_chaos(options.minutes * 60, seed=options.seed)
    results = Results(
        cells=cells,
        chaos=chaos,
        seconds=options.minutes * 60,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    PAGE.write_text(render(results), encoding="utf-8")
    if results.wrong:
        sys.exit("\n".join(results.wrong))
    sys.stderr.write(f"All of it holds. See {PAGE.name}.\n")


if __name__ == "__main__":
    main()
