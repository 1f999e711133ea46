select format('Table `%s.%s` does not have a primary key', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind in ('r', 'p') and not exists (select from pg_index where indrelid = relations.oid and indisprimary)
