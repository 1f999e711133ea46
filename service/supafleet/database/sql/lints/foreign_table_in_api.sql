select format('Foreign table `%s.%s` is accessible over APIs', nspname, relname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'foreign table') as metadata,
       format('%s_%s', nspname, relname) as subject
from relations where relkind = 'f' and in_api and is_granted
