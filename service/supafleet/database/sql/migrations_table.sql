select pg_catalog.pg_advisory_xact_lock(7310577);
do $do$
begin
  -- An ALTER that changes nothing would still keep readers waiting until the migration ends.
  if (select count(*) from pg_catalog.pg_attribute
      where attrelid = to_regclass('supabase_migrations.schema_migrations') and not attisdropped
        and attname in ('version', 'statements', 'name', 'created_by', 'idempotency_key', 'rollback')) < 6 then
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations
      add column if not exists statements text[], add column if not exists name text,
      add column if not exists created_by text, add column if not exists idempotency_key text unique,
      add column if not exists rollback text[];
  end if;
end
$do$;
