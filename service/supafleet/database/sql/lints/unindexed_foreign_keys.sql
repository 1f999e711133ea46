select format('Table `%s.%s` has a foreign key `%s` without a covering index. This can lead to suboptimal query performance.', r.nspname, r.relname, k.conname) as detail,
       jsonb_build_object('schema', r.nspname, 'name', r.relname, 'type', 'table', 'fkey_name', k.conname::text, 'fkey_columns', k.conkey) as metadata,
       format('%s_%s_%s', r.nspname, r.relname, k.conname) as subject
from pg_constraint as k join relations as r on r.oid = k.conrelid
where k.contype = 'f' and k.conparentid = 0 and not exists (
  -- The key's columns, in whatever order, are the first ones of a whole index.
  select from pg_index as i
  where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
    and (select array_agg(c order by c) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) as c)
        = (select array_agg(c order by c) from unnest(k.conkey) as c)
)
