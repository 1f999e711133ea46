// Objects: upload, list, remove, move, copy. A row and its file change together: the file first, the commit last.
import { createHash, randomUUID } from "node:crypto";
import { transaction } from "../shared/database.js";
import { readBody, readJson } from "../shared/http.js";
import { StorageError, badRequest, fromDatabase, noObject } from "./errors.js";
import { requireKey } from "./files.js";

const SORTABLE = new Set(["name", "id", "updated_at", "created_at", "last_accessed_at"]);
const tooLarge = () => new StorageError(413, "Payload too large", "The object exceeded the maximum allowed size");

async function readUpload(request, limit) {
  // a multipart body carries some text around the file
  const body = await readBody(request, limit + 64 * 1024).catch((error) => { throw error.status === 413 ? tooLarge() : error; });
  const type = request.headers["content-type"] ?? "application/octet-stream";
  if (!type.startsWith("multipart/form-data")) {
    const custom = request.headers["x-metadata"];
    return { content: body, type, cacheControl: request.headers["cache-control"] ?? "no-cache", metadata: custom ? parse(Buffer.from(custom, "base64").toString("utf8")) : null };
  }
  const form = await new Response(body, { headers: { "content-type": type } }).formData().catch(() => { throw badRequest("the multipart body cannot be read"); });
  const file = [...form.values()].find((value) => typeof value !== "string");
  if (!file) throw badRequest("the multipart body holds no file");
  const seconds = form.get("cacheControl");
  if (seconds && !/^[\w=, -]+$/.test(seconds)) throw badRequest("cacheControl must be a number of seconds");
  return {
    content: Buffer.from(await file.arrayBuffer()), type: file.type || "application/octet-stream",
    cacheControl: seconds ? `max-age=${seconds}` : "no-cache", metadata: form.get("metadata") ? parse(form.get("metadata")) : null,
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("metadata is not valid JSON");
  }
}

function requireType(bucket, type) {
  const plain = type.split(";")[0].trim();
  const fits = (allowed) => allowed === "*/*" || allowed === plain || (allowed.endsWith("/*") && plain.startsWith(allowed.slice(0, -1)));
  if (bucket.allowed_mime_types?.length && !bucket.allowed_mime_types.some(fits)) throw new StorageError(415, "invalid_mime_type", `mime type ${plain} is not supported`);
}

const INSERT = `insert into storage.objects (id, bucket_id, name, owner, owner_id, version, metadata, user_metadata) values ($1, $2, $3, $4, $5, $6, $7, $8)`;
const REPLACE = ` on conflict (bucket_id, name) do update set version = excluded.version, metadata = excluded.metadata, user_metadata = excluded.user_metadata,
  owner = excluded.owner, owner_id = excluded.owner_id, updated_at = now(), last_accessed_at = now()`;

export class Objects {
  constructor({ access, files, maxSize }) {
    Object.assign(this, { access, files, maxSize });
  }

  /** Store a body under a name. `run(work)` opens the transaction with the rights that count. */
  async upload(request, bucketId, key, owner, upsert, run) {
    const bucket = await this.access.bucket(bucketId);
    requireKey(key);
    const limit = Math.min(this.maxSize, bucket.file_size_limit === null ? Infinity : Number(bucket.file_size_limit));
    const upload = await readUpload(request, limit);
    if (upload.content.length > limit) throw tooLarge();
    requireType(bucket, upload.type);
    const object = { id: randomUUID(), bucket_id: bucketId, name: key, version: randomUUID() };
    const size = upload.content.length;
    const metadata = { eTag: `"${createHash("md5").update(upload.content).digest("hex")}"`, size, mimetype: upload.type, cacheControl: upload.cacheControl, lastModified: new Date().toISOString(), contentLength: size, httpStatusCode: 200 };
    const old = await this.#current(bucketId, key);
    await this.#withFile(object, () => run(async (client) => {
      await client.query(INSERT + (upsert ? REPLACE : ""), [object.id, bucketId, key, owner.uuid, owner.id, object.version, metadata, upload.metadata]);
      await this.files.write(object, upload.content);
    }));
    if (old) await this.files.remove(old);
    return { Key: `${bucketId}/${key}`, Id: old?.id ?? object.id };
  }

  // the row as it is, whatever the caller may see: its file goes when it is replaced
  async #current(bucketId, key) {
    return (await this.access.pool.query("select id, bucket_id, name, version from storage.objects where bucket_id = $1 and name = $2", [bucketId, key])).rows[0] ?? null;
  }

  /** Run `work`; when it fails, take the new file away again. */
  async #withFile(object, work) {
    try {
      return await work();
    } catch (error) {
      await this.files.remove(object).catch(() => {});
      throw fromDatabase(error);
    }
  }

  /** The row under the caller's rights. */
  find(claims, request, bucketId, key) {
    return this.access.asCaller(claims, request, async (client) => {
      const { rows } = await client.query("select * from storage.objects where bucket_id = $1 and name = $2", [bucketId, key]);
      if (!rows.length) throw noObject();
      return rows[0];
    });
  }

  async remove(claims, request, bucketId, names) {
    const gone = await this.access.asCaller(claims, request, async (client) =>
      (await client.query("delete from storage.objects where bucket_id = $1 and name = any($2) returning *", [bucketId, names])).rows);
    for (const object of gone) await this.files.remove(object);
    return gone;
  }

  list(claims, request, bucketId, { prefix = "", limit = 100, offset = 0, search = "", sortBy = null }) {
    const column = SORTABLE.has(sortBy?.column) ? sortBy.column : "name";
    const order = sortBy?.order === "desc" ? "desc" : "asc";
    const folder = prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
    return this.access.asCaller(claims, request, async (client) => (await client.query(
      `with scoped as (select *, substr(name, length($2) + 1) as rest from storage.objects where bucket_id = $1 and starts_with(name, $2)),
       entries as (
         select split_part(rest, '/', 1) as name, null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
                null::timestamptz as last_accessed_at, null::jsonb as metadata from scoped where rest like '%/%' group by 1
         union all select rest, id, updated_at, created_at, last_accessed_at, metadata from scoped where rest not like '%/%')
       select * from entries where strpos(lower(name), lower($3)) = 1 order by id is not null, ${column} ${order}, name ${order} limit $4 offset $5`,
      [bucketId, folder.replace(/^\/+/, ""), search, Math.min(Number(limit) || 100, 1000), Number(offset) || 0])).rows);
  }

  async move(claims, request, { bucketId, sourceKey, destinationKey, destinationBucket = bucketId }) {
    requireKey(destinationKey);
    await this.access.bucket(destinationBucket);
    const to = { bucket_id: destinationBucket, name: destinationKey, version: randomUUID() };
    const from = await this.#withFile(to, () => this.access.asCaller(claims, request, async (client) => {
      const { rows: [row] } = await client.query("select * from storage.objects where bucket_id = $1 and name = $2 for update", [bucketId, sourceKey]);
      if (!row) throw noObject();
      await client.query("update storage.objects set bucket_id = $2, name = $3, version = $4, updated_at = now() where id = $1", [row.id, to.bucket_id, to.name, to.version]);
      await this.files.copy(row, to);
      return row;
    }));
    await this.files.remove(from);
    return { message: "Successfully moved" };
  }

  async copy(claims, request, { bucketId, sourceKey, destinationKey, destinationBucket = bucketId }) {
    requireKey(destinationKey);
    await this.access.bucket(destinationBucket);
    const from = await this.find(claims, request, bucketId, sourceKey);
    const owner = this.access.owner(claims);
    const to = { id: randomUUID(), bucket_id: destinationBucket, name: destinationKey, version: randomUUID() };
    await this.#withFile(to, () => this.access.asCaller(claims, request, async (client) => {
      await client.query(INSERT, [to.id, to.bucket_id, to.name, owner.uuid, owner.id, to.version, from.metadata, from.user_metadata]);
      await this.files.copy(from, to);
    }));
    return { Id: to.id, Key: `${destinationBucket}/${destinationKey}` };
  }

  /** Whether the caller may create this object: tried, then rolled back. */
  async requireMayInsert(claims, request, bucketId, key, upsert) {
    const owner = this.access.owner(claims);
    const done = new Error("allowed");
    await this.access.asCaller(claims, request, async (client) => {
      await client.query(INSERT + (upsert ? REPLACE : ""), [randomUUID(), bucketId, key, owner.uuid, owner.id, "", {}, null]);
      throw done;
    }).catch((error) => { if (error !== done) throw error; });
  }
}

export function addObjectRoutes(app, objects) {
  const { access } = objects;
  const upload = (upsertAlways) => async ({ request, params }) => {
    const claims = access.claims(request);
    const upsert = upsertAlways || request.headers["x-upsert"] === "true";
    return objects.upload(request, params.bucket, params.key, access.owner(claims), upsert, (work) => access.asCaller(claims, request, work));
  };

  app.on("POST", "/object/list/:bucket", async ({ request, params }) => {
    const claims = access.claims(request);
    return objects.list(claims, request, params.bucket, (await readJson(request)) ?? {});
  });
  for (const action of ["move", "copy"]) {
    app.on("POST", `/object/${action}`, async ({ request }) => {
      const claims = access.claims(request);
      return objects[action](claims, request, (await readJson(request)) ?? {});
    });
  }
  // an upload by token acts with the rights that were checked when the token was made
  app.on("PUT", "/object/upload/sign/:bucket/*key", ({ request, params, query }) => {
    const claims = access.verify(query.get("token") ?? "");
    if (claims.use !== "upload" || claims.url !== `${params.bucket}/${params.key}`) throw new StorageError(400, "InvalidSignature", "The url does not match the signature");
    const owner = access.owner({ sub: claims.owner ?? undefined });
    return objects.upload(request, params.bucket, params.key, owner, claims.upsert === true, (work) => transaction(access.pool, work));
  });
  app.on("DELETE", "/object/:bucket", async ({ request, params }) => {
    const claims = access.claims(request);
    const { prefixes } = (await readJson(request)) ?? {};
    if (!Array.isArray(prefixes) || prefixes.length > 1000) throw badRequest("prefixes must be a list of at most 1000 names");
    return objects.remove(claims, request, params.bucket, prefixes);
  });
  app.on("DELETE", "/object/:bucket/*key", async ({ request, params }) => {
    const gone = await objects.remove(access.claims(request), request, params.bucket, [params.key]);
    if (!gone.length) throw noObject();
    return { message: "Successfully deleted" };
  });
  app.on("POST", "/object/:bucket/*key", upload(false));
  app.on("PUT", "/object/:bucket/*key", upload(true));
}
