"""Docker hosts: where projects can run."""
