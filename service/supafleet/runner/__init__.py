"""The seam to ansible-runner: the only package that imports it, and only in the child process."""
