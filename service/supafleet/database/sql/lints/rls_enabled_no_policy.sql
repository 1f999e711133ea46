select format('Table `%s.%s` has RLS enabled, but no policies exist', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind in ('r', 'p') and relrowsecurity and not exists (select from pg_policy where polrelid = relations.oid)
