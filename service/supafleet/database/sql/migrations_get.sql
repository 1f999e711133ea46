select to_jsonb(one) as migration from supabase_migrations.schema_migrations as one where one.version = $1
