-- The schema of analytics, in the platform's own database.
\set owner `printf '%s' "$POSTGRES_USER"`

\connect _supabase
CREATE SCHEMA IF NOT EXISTS _analytics;
ALTER SCHEMA _analytics OWNER TO :"owner";
