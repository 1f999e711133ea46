// Whose rights count: a transaction under the role and claims of the caller's token, so that row level security decides.
import { transaction } from "../shared/database.js";
import { TokenError, verifyToken } from "../shared/jwt.js";
import { StorageError, fromDatabase, noBucket } from "./errors.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class Access {
  constructor(pool, secret) {
    this.pool = pool;
    this.secret = secret;
  }

  verify(token) {
    try {
      return verifyToken(token, this.secret);
    } catch (error) {
      if (error instanceof TokenError) throw new StorageError(403, "Unauthorized", error.message.replace(/^token/, "jwt"));
      throw error;
    }
  }

  /** The claims of a request; null without a token when `optional`. */
  claims(request, optional = false) {
    const header = (request.headers.authorization ?? "").trim();
    if (header === "") {
      if (optional) return null;
      throw new StorageError(400, "Error", "headers must have required property 'authorization'");
    }
    return this.verify(header.replace(/^Bearer\s+/i, ""));
  }

  owner(claims) {
    const id = claims.sub ?? null;
    return { id, uuid: id && UUID.test(id) ? id : null };
  }

  /** Run `work(client)` as the caller. */
  async asCaller(claims, request, work) {
    try {
      return await transaction(this.pool, async (client) => {
        await client.query(
          `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true), set_config('request.method', $3, true),
             set_config('request.path', $4, true), set_config('search_path', 'storage, public', true)`,
          [claims.role ?? "anon", JSON.stringify(claims), request.method, request.url.split("?")[0]]);
        return work(client);
      });
    } catch (error) {
      throw fromDatabase(error);
    }
  }

  /** A bucket whatever the caller's rights; for limits and the public flag. */
  async bucket(id) {
    const { rows: [bucket] } = await this.pool.query("select * from storage.buckets where id = $1", [id]);
    if (!bucket) throw noBucket();
    return bucket;
  }
}
