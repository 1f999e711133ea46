update supabase_migrations.schema_migrations
set name = case when :'has_name' = 'true' then :'name' else name end,
    rollback = case when :'has_rollback' = 'true' then case when :'rollback' is not null then array[:'rollback'] end else rollback end
where version = :'version'
returning version;
