"""The kill matrix: every process that can die, at every phase of every verb."""
