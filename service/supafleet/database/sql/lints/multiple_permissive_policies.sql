select format('Table `%s.%s` has multiple permissive policies for role `%s` for action `%s`. Policies include `%s`', r.nspname, r.relname, a.rolname, act.name,
              array_agg(p.polname::text order by p.polname)::text) as detail,
       jsonb_build_object('schema', r.nspname, 'name', r.relname, 'type', 'table') as metadata,
       format('%s_%s_%s_%s', r.nspname, r.relname, a.rolname, act.name) as subject
from pg_policy as p join relations as r on r.oid = p.polrelid
join pg_roles as a on (a.oid = any(p.polroles) or p.polroles = '{0}') and a.rolname in ('anon', 'authenticated', 'authenticator', 'dashboard_user')
join (values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) as act(name, cmd) on p.polcmd in (act.cmd::"char", '*')
where p.polpermissive and r.relrowsecurity
group by r.nspname, r.relname, a.rolname, act.name
having count(*) > 1
