-- The database of the platform's own services, apart from the owner's data. Runs once, on an empty data directory.
\set owner `printf '%s' "$POSTGRES_USER"`

CREATE DATABASE _supabase OWNER :"owner";
