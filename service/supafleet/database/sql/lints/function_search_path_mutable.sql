select format('Function `%s.%s` has a role mutable search_path', n.nspname, p.proname) as detail,
       jsonb_build_object('schema', n.nspname, 'name', p.proname::text, 'type', 'function') as metadata,
       format('%s_%s_%s', n.nspname, p.proname, md5(pg_get_function_identity_arguments(p.oid))) as subject
from pg_proc as p join owned_schemas as n on n.oid = p.pronamespace join pg_language as l on l.oid = p.prolang
where p.prokind in ('f', 'p') and l.lanname not in ('c', 'internal')
  and not exists (select from unnest(p.proconfig) as setting where setting like 'search\_path=%')
  and not exists (select from of_extensions as e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
