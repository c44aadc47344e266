"""Storage: Postgres, its tables and migrations, and what seals secrets in it."""
