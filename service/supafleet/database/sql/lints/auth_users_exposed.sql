select format('View/Materialized View "%s" in the public schema may expose `auth.users` data to anon or authenticated roles.', relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', case relkind when 'v' then 'view' else 'materialized view' end) as metadata,
       format('%s_%s', nspname, relname) as subject
from relations
where relkind in ('v', 'm') and in_api and is_granted and exists (
  select from pg_rewrite as r join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  where r.ev_class = relations.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = to_regclass('auth.users')
)
