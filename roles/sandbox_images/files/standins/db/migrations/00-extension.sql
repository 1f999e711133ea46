create extension if not exists pg_stat_statements with schema extensions;
grant all on schema extensions to dashboard_user;
