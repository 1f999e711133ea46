// The tables of schema auth that this stand-in uses. The database image may hold a first version of some of them.
import { transaction } from "../shared/database.js";

const TABLES = {
  users: {
    create: "id uuid primary key",
    columns: `instance_id uuid, aud varchar(255), role varchar(255), email varchar(255), encrypted_password varchar(255),
      email_confirmed_at timestamptz, invited_at timestamptz, confirmation_sent_at timestamptz, last_sign_in_at timestamptz,
      raw_app_meta_data jsonb, raw_user_meta_data jsonb, is_super_admin boolean, created_at timestamptz, updated_at timestamptz,
      phone text, phone_confirmed_at timestamptz, banned_until timestamptz, is_sso_user boolean not null default false,
      deleted_at timestamptz, is_anonymous boolean not null default false`,
    after: `create unique index if not exists users_email_partial_key on auth.users (email) where is_sso_user = false`,
  },
  identities: {
    create: "id uuid primary key default gen_random_uuid()",
    columns: `provider_id text not null, user_id uuid not null references auth.users on delete cascade, identity_data jsonb not null,
      provider text not null, last_sign_in_at timestamptz, created_at timestamptz, updated_at timestamptz,
      email text generated always as (lower(identity_data->>'email')) stored`,
    after: `create unique index if not exists identities_provider_id_provider_unique on auth.identities (provider_id, provider)`,
  },
  sessions: {
    create: "id uuid primary key",
    columns: `user_id uuid not null references auth.users on delete cascade, created_at timestamptz, updated_at timestamptz,
      refreshed_at timestamp, not_after timestamptz, user_agent text, ip inet, aal text, method text`,
    after: `create index if not exists sessions_user_id_idx on auth.sessions (user_id)`,
  },
  refresh_tokens: {
    create: "id bigserial primary key",
    columns: `instance_id uuid, token varchar(255), user_id varchar(255), revoked boolean, created_at timestamptz, updated_at timestamptz,
      parent varchar(255), session_id uuid references auth.sessions on delete cascade`,
    after: `create unique index if not exists refresh_tokens_token_unique on auth.refresh_tokens (token)`,
  },
  schema_migrations: { create: "version varchar(255) primary key", columns: "", after: null },
};

const CLAIMS = "nullif(current_setting('request.jwt.claims', true), '')::jsonb";
const FUNCTIONS = {
  jwt: ["jsonb", `select ${CLAIMS}`],
  uid: ["uuid", `select (${CLAIMS} ->> 'sub')::uuid`],
  role: ["text", `select ${CLAIMS} ->> 'role'`],
  email: ["text", `select ${CLAIMS} ->> 'email'`],
};

// split at commas outside parentheses: a type may hold one
const columnsOf = (text) => text.split(/,(?![^(]*\))/).map((c) => c.trim()).filter(Boolean);

/** Bring schema auth to what this program needs; safe to repeat. */
export function migrate(pool) {
  return transaction(pool, async (client) => {
    await client.query("set local client_min_messages = warning");
    for (const [name, table] of Object.entries(TABLES)) {
      await client.query(`create table if not exists auth.${name} (${table.create})`);
      for (const column of columnsOf(table.columns)) await client.query(`alter table auth.${name} add column if not exists ${column}`);
      if (table.after) await client.query(table.after);
    }
    for (const [name, [type, body]] of Object.entries(FUNCTIONS)) {
      const { rows } = await client.query(
        "select pg_get_userbyid(proowner) = current_user as mine from pg_proc where pronamespace = 'auth'::regnamespace and proname = $1 and pronargs = 0", [name]);
      // one that belongs to the image stays as it is
      if (rows.length && !rows[0].mine) continue;
      await client.query(`create or replace function auth.${name}() returns ${type} language sql stable as $body$ ${body} $body$`);
    }
    for (const role of ["postgres", "dashboard_user"]) {
      const { rowCount } = await client.query("select from pg_roles where rolname = $1", [role]);
      if (rowCount) await client.query(`grant all on all tables in schema auth to ${role}; grant all on all sequences in schema auth to ${role}`);
    }
    await client.query("insert into auth.schema_migrations (version) values ('20260901000000') on conflict do nothing");
  });
}

/** Fails unless every table is there and readable: what the health check asks. */
export const PROBE = Object.keys(TABLES).map((name) => `(select count(*) from (select from auth.${name} limit 1) t)`).join(", ").replace(/^/, "select ");
