// Queries through postgres-meta, with the connection string encrypted as the real Studio sends it.
import { createCipheriv, createHash, randomBytes } from "node:crypto";

/** AES-256-CBC in OpenSSL's salted form, the key derived from the shared passphrase: what meta decrypts with its CRYPTO_KEY. */
function encrypt(text, passphrase) {
  const salt = randomBytes(8);
  let derived = Buffer.alloc(0);
  let block = Buffer.alloc(0);
  while (derived.length < 48) {
    block = createHash("md5").update(Buffer.concat([block, Buffer.from(passphrase), salt])).digest();
    derived = Buffer.concat([derived, block]);
  }
  const cipher = createCipheriv("aes-256-cbc", derived.subarray(0, 32), derived.subarray(32, 48));
  return Buffer.concat([Buffer.from("Salted__"), salt, cipher.update(text, "utf8"), cipher.final()]).toString("base64");
}

/** A function sql -> rows; it throws with the reason when meta or the database cannot answer. */
export function metaClient(environment) {
  const { POSTGRES_USER_READ_WRITE: user, POSTGRES_HOST: host, POSTGRES_PORT: port, POSTGRES_DB: database } = environment;
  const url = `postgresql://${user}:${encodeURIComponent(environment.POSTGRES_PASSWORD)}@${host}:${port}/${database}`;
  return async (query) => {
    const response = await fetch(`${environment.STUDIO_PG_META_URL}/query`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-connection-encrypted": encrypt(url, environment.PG_META_CRYPTO_KEY) },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(4000),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(body?.error ?? body?.message ?? `meta answers ${response.status}`);
    return body;
  };
}
