"""The durable queue behind runs: a thin port of ours over DBOS (reference/ENGINE.md section 3)."""
