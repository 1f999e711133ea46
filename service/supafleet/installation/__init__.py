"""The installation: all processes that share one database."""
