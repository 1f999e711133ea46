create table @extschema@.secrets (
  id uuid primary key default gen_random_uuid(), name text, description text not null default '', secret text not null,
  key_id uuid, nonce bytea, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
create view @extschema@.decrypted_secrets as select *, null::text as decrypted_secret from @extschema@.secrets;
create function @extschema@.create_secret(new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null)
  returns uuid language plpgsql as $$ begin raise feature_not_supported using message = 'supabase_vault is not available in the sandbox flavour'; end $$;
create function @extschema@.update_secret(secret_id uuid, new_secret text default null, new_name text default null, new_description text default null, new_key_id uuid default null)
  returns void language plpgsql as $$ begin raise feature_not_supported using message = 'supabase_vault is not available in the sandbox flavour'; end $$;
revoke all on all tables in schema @extschema@ from public;
revoke all on all functions in schema @extschema@ from public;
