select format('Table `%s.%s` has identical indexes %s. Drop all except one of them', r.nspname, r.relname, '{' || string_agg(x.relname::text, ',' order by x.relname) || '}') as detail,
       jsonb_build_object('schema', r.nspname, 'name', r.relname, 'type', 'table') as metadata,
       format('%s_%s_%s', r.nspname, r.relname, '{' || string_agg(x.relname::text, ',' order by x.relname) || '}') as subject
from pg_index as i join pg_class as x on x.oid = i.indexrelid join relations as r on r.oid = i.indrelid
group by r.nspname, r.relname, i.indrelid, x.relam, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
         coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), coalesce(pg_get_expr(i.indpred, i.indrelid), ''), i.indnkeyatts
having count(*) > 1
