"""The durable queue behind runs: a thin port of ours over DBOS."""
