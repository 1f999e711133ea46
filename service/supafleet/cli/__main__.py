"""`python -m supafleet.cli`: the same entry as the `supafleet` script, for callers that know only the interpreter."""

from supafleet.cli.main import run

if __name__ == "__main__":
    run()
