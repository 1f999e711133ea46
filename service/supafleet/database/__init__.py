"""A project's database, reached through the project's own gateway."""
