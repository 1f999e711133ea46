insert into supabase_migrations.schema_migrations (version, statements, name, created_by, idempotency_key, rollback)
select to_char(now() at time zone 'utc' + later * interval '1 second', 'YYYYMMDDHH24MISS'), array[:'query'], :'name', :'author', :'key',
       case when :'rollback' is not null then array[:'rollback'] end
from generate_series(0, 3600) as later
where not exists (
  select from supabase_migrations.schema_migrations
  where version = to_char(now() at time zone 'utc' + later * interval '1 second', 'YYYYMMDDHH24MISS')
)
order by later limit 1
on conflict (idempotency_key) do update
  set statements = excluded.statements, name = excluded.name, rollback = excluded.rollback;
