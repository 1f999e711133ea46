select format('Table `%s.%s` is public, but RLS has not been enabled.', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind in ('r', 'p') and in_api and is_granted and not relrowsecurity
