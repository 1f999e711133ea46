select format('Index `%s` on table `%s.%s` has not been used', s.indexrelname, r.nspname, r.relname) as detail,
       jsonb_build_object('schema', r.nspname, 'name', r.relname, 'type', 'table') as metadata,
       format('%s_%s_%s', r.nspname, r.relname, s.indexrelname) as subject
from pg_stat_user_indexes as s join relations as r on r.oid = s.relid join pg_index as i on i.indexrelid = s.indexrelid
where s.idx_scan = 0 and not i.indisunique and not i.indisprimary
