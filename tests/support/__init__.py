"""What tests stand on: a private PostgreSQL, migrated databases, a real browser, rounds."""
