-- The schema of Realtime's own tables: its first statement on every connection is a search path to it.
\set owner `printf '%s' "$POSTGRES_USER"`

CREATE SCHEMA IF NOT EXISTS _realtime;
ALTER SCHEMA _realtime OWNER TO :"owner";
