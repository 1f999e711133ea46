select to_jsonb(one) - 'statements' as migration from supabase_migrations.schema_migrations as one
where one.version >= $1 order by one.version desc
