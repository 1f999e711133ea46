// Buckets: create, read, change, empty, delete.
import { readJson } from "../shared/http.js";
import { StorageError, badRequest, noBucket } from "./errors.js";

const UNITS = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };

function sizeOf(limit) {
  if (limit === undefined || limit === null) return null;
  const match = /^(\d+)\s*([kmg]?b)?$/i.exec(String(limit));
  if (!match) throw badRequest("file_size_limit must be a number of bytes or a text such as 20MB");
  return Number(match[1]) * UNITS[(match[2] ?? "b").toLowerCase()];
}

const shown = ({ id, name, owner, public: open, file_size_limit: limit, allowed_mime_types: types, created_at, updated_at }) =>
  ({ id, name, owner: owner ?? "", public: open, file_size_limit: limit === null ? null : Number(limit), allowed_mime_types: types, created_at, updated_at, type: "STANDARD" });

export function addBucketRoutes(app, { access, files, maxSize }) {
  const limitOf = (body) => {
    const limit = sizeOf(body.file_size_limit);
    if (limit > maxSize) throw new StorageError(413, "Payload too large", "The object exceeded the maximum allowed size");
    return limit;
  };

  app.on("GET", "/bucket", ({ request, query }) =>
    access.asCaller(access.claims(request), request, async (client) => {
      const limit = Math.min(Number(query.get("limit")) || 1000, 1000);
      const { rows } = await client.query("select * from storage.buckets where name ilike '%' || $1 || '%' order by name limit $2 offset $3",
        [query.get("search") ?? "", limit, Number(query.get("offset")) || 0]);
      return rows.map(shown);
    }));

  app.on("GET", "/bucket/:id", ({ request, params }) =>
    access.asCaller(access.claims(request), request, async (client) => {
      const { rows } = await client.query("select * from storage.buckets where id = $1", [params.id]);
      if (!rows.length) throw noBucket();
      return shown(rows[0]);
    }));

  app.on("POST", "/bucket", async ({ request }) => {
    const claims = access.claims(request);
    const body = (await readJson(request)) ?? {};
    const id = body.id ?? body.name;
    if (typeof id !== "string" || !/^[\w!.*'() &$@=;:+,?-]{1,100}$/.test(id) || /^\.{1,2}$/.test(id)) throw badRequest("Bucket name invalid");
    const { id: owner, uuid } = access.owner(claims);
    await access.asCaller(claims, request, (client) => client.query(
      "insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types) values ($1, $2, $3, $4, $5, $6, $7)",
      [id, body.name ?? id, uuid, owner, body.public === true, limitOf(body), body.allowed_mime_types ?? null]));
    return { name: body.name ?? id };
  });

  app.on("PUT", "/bucket/:id", async ({ request, params }) => {
    const body = (await readJson(request)) ?? {};
    const limit = limitOf(body);
    return access.asCaller(access.claims(request), request, async (client) => {
      const { rowCount } = await client.query(
        `update storage.buckets set public = coalesce($2, public), updated_at = now(),
           file_size_limit = case when $3 then $4 else file_size_limit end, allowed_mime_types = case when $5 then $6 else allowed_mime_types end where id = $1`,
        [params.id, body.public ?? null, body.file_size_limit !== undefined, limit, body.allowed_mime_types !== undefined, body.allowed_mime_types ?? null]);
      if (!rowCount) throw noBucket();
      return { message: "Successfully updated" };
    });
  });

  app.on("POST", "/bucket/:id/empty", async ({ request, params }) => {
    const claims = access.claims(request);
    const gone = await access.asCaller(claims, request, async (client) => {
      const { rowCount } = await client.query("select from storage.buckets where id = $1", [params.id]);
      if (!rowCount) throw noBucket();
      return (await client.query("delete from storage.objects where bucket_id = $1 returning bucket_id, name, version", [params.id])).rows;
    });
    for (const object of gone) await files.remove(object);
    return { message: "Successfully emptied" };
  });

  app.on("DELETE", "/bucket/:id", async ({ request, params }) => {
    const claims = access.claims(request);
    const { rowCount: filled } = await access.pool.query("select from storage.objects where bucket_id = $1 limit 1", [params.id]);
    await access.asCaller(claims, request, async (client) => {
      const { rowCount: seen } = await client.query("select from storage.buckets where id = $1", [params.id]);
      if (!seen) throw noBucket();
      if (filled) throw new StorageError(409, "InvalidRequest", "The bucket you tried to delete is not empty");
      const { rowCount } = await client.query("delete from storage.buckets where id = $1", [params.id]);
      if (!rowCount) throw new StorageError(403, "Unauthorized", "the bucket cannot be deleted with these rights");
    });
    return { message: "Successfully deleted" };
  });
}
