-- A password of its own for every role that a service logs in with. supabase_admin and postgres have theirs from the image.
\set authenticator_password `printf '%s' "$AUTHENTICATOR_PASSWORD"`
\set pgbouncer_password `printf '%s' "$PGBOUNCER_PASSWORD"`
\set auth_admin_password `printf '%s' "$SUPABASE_AUTH_ADMIN_PASSWORD"`
\set functions_admin_password `printf '%s' "$SUPABASE_FUNCTIONS_ADMIN_PASSWORD"`
\set storage_admin_password `printf '%s' "$SUPABASE_STORAGE_ADMIN_PASSWORD"`

ALTER ROLE authenticator PASSWORD :'authenticator_password';
ALTER ROLE pgbouncer PASSWORD :'pgbouncer_password';
ALTER ROLE supabase_auth_admin PASSWORD :'auth_admin_password';
ALTER ROLE supabase_functions_admin PASSWORD :'functions_admin_password';
ALTER ROLE supabase_storage_admin PASSWORD :'storage_admin_password';
