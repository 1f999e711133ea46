"""Organizations: who owns projects."""
