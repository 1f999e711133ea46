-- The types that pg_upgrade refuses: the numbers behind them change with the upgrade. It takes regclass, regrole and regtype.
select format('Table `%s.%s` has a column `%s` with unsupported reg* type `%s`.', nspname, relname, a.attname, t.typname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s_%s', nspname, relname, a.attname) as subject
from relations as r join pg_attribute as a on a.attrelid = r.oid join pg_type as t on t.oid = a.atttypid
where r.relkind in ('r', 'p', 'm') and a.attnum > 0 and not a.attisdropped and t.typnamespace = 'pg_catalog'::regnamespace
  and t.typname in ('regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure')
