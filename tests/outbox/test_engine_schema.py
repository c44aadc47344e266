"""The engine's tables are those of the version that is installed."""

from importlib.metadata import version
from pathlib import Path

from procrastinate.schema import SchemaManager

_SCHEMAS = Path(__file__).parents[2] / "alembic" / "sql"


def test_the_engines_tables_are_those_that_it_expects() -> None:
    """Whoever lets in another version finds out that its tables have changed."""
    major, minor, *_ = version("procrastinate").split(".")
    stored = _SCHEMAS / f"procrastinate_{major}_{minor}.sql"
    assert stored.read_text(encoding="utf-8").strip() == SchemaManager.get_schema().strip()
