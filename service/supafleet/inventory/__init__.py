"""`docker_hosts` and `projects` in YAML, turned into Ansible groups and variables."""
