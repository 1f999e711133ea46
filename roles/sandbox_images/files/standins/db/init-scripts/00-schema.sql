-- The pooler's schema: a lookup of password hashes for the role pgbouncer alone.
create role pgbouncer login noinherit;
create schema pgbouncer authorization pgbouncer;
create function pgbouncer.get_auth(p_usename text) returns table (username text, password text)
  language sql security definer set search_path = '' stable as $$
  select usename::text, case when valuntil < now() then null else passwd::text end from pg_catalog.pg_shadow where usename = p_usename
$$;
revoke all on function pgbouncer.get_auth(text) from public;
grant execute on function pgbouncer.get_auth(text) to pgbouncer;
