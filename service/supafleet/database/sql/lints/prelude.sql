-- What belongs to the owner of the project: not to Postgres, to a service of the platform or to an extension.
owned_schemas as (
  select oid, nspname::text as nspname from pg_namespace
  where nspname !~ '^pg_' and nspname not in (
    'information_schema', '_analytics', '_realtime', '_supavisor', 'auth', 'cron', 'extensions', 'graphql', 'graphql_public', 'net',
    'pgbouncer', 'pgmq', 'pgsodium', 'pgsodium_masks', 'realtime', 'repack', 'storage', 'supabase_functions', 'supabase_migrations',
    'tiger', 'tiger_data', 'topology', 'vault'
  )
),
of_extensions as (select classid, objid from pg_depend where deptype = 'e'),
relations as (
  select c.oid, n.nspname, c.relname::text as relname, c.relkind, c.relrowsecurity, c.reloptions,
         n.nspname = any(string_to_array(:'exposed', ',')) as in_api,
         (has_table_privilege('anon', c.oid, 'select, insert, update, delete')
          or has_table_privilege('authenticated', c.oid, 'select, insert, update, delete')) as is_granted
  from pg_class as c join owned_schemas as n on n.oid = c.relnamespace
  where not exists (select from of_extensions as e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
)
