select exists (select from pg_namespace where nspname = 'supabase_functions') as is_there
