"""Runs: what was done to a project, by whom, how it went, event by event."""
