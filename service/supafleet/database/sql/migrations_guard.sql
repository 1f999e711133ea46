select pg_catalog.pg_advisory_xact_lock(7310577);
do $do$
begin
  if (select string_agg(version, ',' order by version desc) from supabase_migrations.schema_migrations where version >= :'first')
     is distinct from :'versions' then
    raise exception using errcode = 'SF001', message = 'the history changed';
  end if;
end
$do$;
