select format('Table `%s.%s` has RLS policies but RLS is not enabled on the table. Policies include %s.', nspname, relname,
              array(select polname::text from pg_policy where polrelid = relations.oid order by polname)::text) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind in ('r', 'p') and not relrowsecurity and exists (select from pg_policy where polrelid = relations.oid)
