select format('Table `%s.%s` has a row level security policy `%s` that re-evaluates current_setting() or auth.<function>() for each row. '
              'Replace `auth.<function>()` with `(select auth.<function>())`.', nspname, relname, polname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s_%s', nspname, relname, polname) as subject
from (
  select r.nspname, r.relname, p.polname,
         -- What Postgres makes of `(select auth.uid())` begins with a SELECT of its own; only what stands outside of one counts.
         regexp_replace(
           coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''),
           '\(\s*select\s+(auth\.(uid|jwt|role|email)|current_setting)\s*\(', '', 'gi'
         ) as outside
  from pg_policy as p join relations as r on r.oid = p.polrelid
  where r.relrowsecurity
) as policies
where outside ~* '\m(auth\.(uid|jwt|role|email)|current_setting)\s*\('
