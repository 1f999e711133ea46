"""The official Management API as a whole: which operations it has, and the answer of those that are not built."""
