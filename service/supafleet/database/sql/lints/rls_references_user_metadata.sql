select format('Table `%s.%s` has a row level security policy `%s` that references Supabase Auth `user_metadata`. '
              '`user_metadata` is editable by end users and should never be used in a security context.', nspname, relname, polname) as detail,
       jsonb_build_object('schema', nspname, 'name', relname, 'type', 'table') as metadata,
       format('%s_%s_%s', nspname, relname, polname) as subject
from pg_policy as p join relations as r on r.oid = p.polrelid
where concat(pg_get_expr(p.polqual, p.polrelid), ' ', pg_get_expr(p.polwithcheck, p.polrelid))
      ~ '(auth\.jwt\(\)|request\.jwt\.claims?).*\muser_metadata\M'
