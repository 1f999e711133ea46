"""The official configuration of a project's services, read from and written to the project's settings."""
