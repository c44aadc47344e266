"""What pal-e-mail promises, tried out: see docs/reliability.md. ``make prove`` runs it."""
