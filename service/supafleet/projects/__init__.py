"""Projects: what is wanted, what was seen, and the rules between."""
