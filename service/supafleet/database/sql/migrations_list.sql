select to_jsonb(one) - 'statements' - 'rollback' as migration from supabase_migrations.schema_migrations as one order by one.version
