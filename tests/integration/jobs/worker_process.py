"""A worker in a process of its own, with tiny playbooks, so that a test can kill it."""

import sys

from supafleet.settings import Settings
from supafleet.worker_process import run_worker_process
from tests.integration.jobs.service_process import tiny_playbooks

settings = Settings()
run_worker_process(settings, tiny_playbooks(settings, sys.argv[1]))
