select format('Materialized view `%s.%s` is selectable by anon or authenticated roles', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'materialized view') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind = 'm' and in_api and is_granted
