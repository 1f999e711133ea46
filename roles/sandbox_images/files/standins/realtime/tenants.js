// The table of tenants, in schema _realtime, with secrets under DB_ENC_KEY (AES-128-ECB: the official format).
import { createCipheriv, createDecipheriv } from "node:crypto";
import { transaction } from "../shared/database.js";

export function encrypt(text, key) {
  const cipher = createCipheriv("aes-128-ecb", key, null);
  return Buffer.concat([cipher.update(text, "utf8"), cipher.final()]).toString("base64");
}

function decrypt(text, key) {
  const decipher = createDecipheriv("aes-128-ecb", key, null);
  return Buffer.concat([decipher.update(text, "base64"), decipher.final()]).toString("utf8");
}

export function migrate(pool) {
  return pool.query(`
    create table if not exists _realtime.tenants (
      id uuid primary key default gen_random_uuid(), name text, external_id text not null unique, jwt_secret text,
      max_concurrent_users integer not null default 200, max_channels_per_client integer not null default 100,
      inserted_at timestamp not null default now(), updated_at timestamp not null default now())`);
}

/** Delete and insert again, so that each start takes up a rotated secret. */
export function seed(pool, name, secret, key, limits) {
  return transaction(pool, async (client) => {
    await client.query("delete from _realtime.tenants where external_id = $1", [name]);
    await client.query(
      "insert into _realtime.tenants (name, external_id, jwt_secret, max_concurrent_users, max_channels_per_client) values ($1, $1, $2, $3, $4)",
      [name, encrypt(secret, key), limits.users, limits.channels]);
  });
}

/** {externalId, secret, maxUsers, maxChannels} or null; throws when the database does not answer. */
export async function findTenant(pool, externalId, key) {
  const { rows: [row] } = await pool.query("select * from _realtime.tenants where external_id = $1", [externalId]);
  return row ? { externalId, secret: decrypt(row.jwt_secret, key), maxUsers: row.max_concurrent_users, maxChannels: row.max_channels_per_client } : null;
}
