"""Keys of a project's gateway."""
