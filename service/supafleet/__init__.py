"""Supafleet: control plane for self-hosted Supabase projects on Docker hosts."""

__version__ = "0.1.0"
