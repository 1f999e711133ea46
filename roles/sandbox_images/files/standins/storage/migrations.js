// The tables of schema storage that this stand-in uses. The database image may hold a first version of some of them.
import { transaction } from "../shared/database.js";

const TABLES = {
  migrations: { create: "id integer primary key", columns: ["name varchar(100)", "hash varchar(40)", "executed_at timestamp default current_timestamp"] },
  buckets: {
    create: "id text primary key",
    columns: ["name text not null", "owner uuid", "owner_id text", "public boolean default false", "avif_autodetection boolean default false",
      "file_size_limit bigint", "allowed_mime_types text[]", "created_at timestamptz default now()", "updated_at timestamptz default now()"],
    after: "create unique index if not exists bname on storage.buckets (name)",
  },
  objects: {
    create: "id uuid primary key default gen_random_uuid()",
    columns: ["bucket_id text references storage.buckets", "name text", "owner uuid", "owner_id text", "created_at timestamptz default now()",
      "updated_at timestamptz default now()", "last_accessed_at timestamptz default now()", "metadata jsonb", "version text", "user_metadata jsonb",
      "path_tokens text[] generated always as (string_to_array(name, '/')) stored"],
    after: "create unique index if not exists bucketid_objname on storage.objects (bucket_id, name)",
  },
};

// policies of users are written with these
const FUNCTIONS = {
  foldername: ["text[]", "select (string_to_array(name, '/'))[1:array_length(string_to_array(name, '/'), 1) - 1]"],
  filename: ["text", "select (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]"],
  extension: ["text", "select reverse(split_part(reverse((string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]), '.', 1))"],
};

/** Bring schema storage to what this program needs; safe to repeat. */
export function migrate(pool) {
  return transaction(pool, async (client) => {
    await client.query("set local client_min_messages = warning");
    for (const [name, table] of Object.entries(TABLES)) {
      await client.query(`create table if not exists storage.${name} (${table.create})`);
      for (const column of table.columns) await client.query(`alter table storage.${name} add column if not exists ${column}`);
      if (table.after) await client.query(table.after);
      await client.query(`alter table storage.${name} enable row level security`);
    }
    for (const [name, [type, body]] of Object.entries(FUNCTIONS)) {
      const { rows } = await client.query(
        "select pg_get_userbyid(proowner) = current_user as mine from pg_proc where pronamespace = 'storage'::regnamespace and proname = $1", [name]);
      if (rows.length) continue;
      await client.query(`create function storage.${name}(name text) returns ${type} language sql immutable as $body$ ${body} $body$`);
    }
    for (const role of ["anon", "authenticated", "service_role", "postgres"]) {
      const { rowCount } = await client.query("select from pg_roles where rolname = $1", [role]);
      if (rowCount) await client.query(`grant usage on schema storage to ${role}; grant all on storage.buckets, storage.objects to ${role}`);
    }
    await client.query("insert into storage.migrations (id, name) values (0, 'sandbox') on conflict do nothing");
  });
}

/** Fails unless both tables are there with their main columns. */
export const PROBE = `select (select count(*) from (select id, public from storage.buckets limit 1) b),
  (select count(*) from (select id, bucket_id, name, version from storage.objects limit 1) o)`;
