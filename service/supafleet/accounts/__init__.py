"""People and programs that use the service, and their tokens."""
