select to_jsonb(one) as migration from supabase_migrations.schema_migrations as one where to_jsonb(one) ->> 'idempotency_key' = $1
