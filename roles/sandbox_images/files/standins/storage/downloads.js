// Ways to an object's content: with a token of one's own, of a public bucket, by signed link; as it is or as an image made smaller.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readJson } from "../shared/http.js";
import { signToken } from "../shared/jwt.js";
import { StorageError, badRequest, noBucket, noObject } from "./errors.js";

const UPLOAD_SECONDS = 2 * 60 * 60;
const RESIZES = { cover: "fill", contain: "fit", fill: "force" };

function transformation(source) {
  const given = (name) => source[name] ?? undefined;
  const options = [];
  for (const name of ["width", "height", "quality"]) {
    if (given(name) === undefined) continue;
    if (!/^\d{1,4}$/.test(given(name))) throw badRequest(`${name} must be a whole number of at most four digits`);
    options.push(`${name}:${given(name)}`);
  }
  const resize = given("resize") ?? "cover";
  if (!RESIZES[resize]) throw badRequest("resize must be cover, contain or fill");
  options.unshift(`resizing_type:${RESIZES[resize]}`);
  const format = given("format");
  if (format && !["origin", "webp", "avif"].includes(format)) throw badRequest("format must be origin, webp or avif");
  if (format && format !== "origin") options.push(`format:${format}`);
  return options;
}

export function addDownloadRoutes(app, { access, files, objects, imgproxy, secret }) {
  async function serve(object, { request, response, query }) {
    const full = files.path(object);
    // a row without its file is damage, not a missing object; the client sees the same, the log tells them apart
    const { size } = await stat(full).catch((error) => {
      process.stderr.write(`storage: ${object.bucket_id}/${object.name} has no file: ${error.message}\n`);
      throw noObject();
    });
    const { metadata = {} } = object;
    const headers = { "content-type": metadata?.mimetype ?? "application/octet-stream", "cache-control": metadata?.cacheControl ?? "no-cache",
      etag: metadata?.eTag ?? `"${object.version}"`, "last-modified": object.updated_at.toUTCString(), "accept-ranges": "bytes" };
    if (query.has("download")) headers["content-disposition"] = `attachment${query.get("download") ? `; filename*=UTF-8''${encodeURIComponent(query.get("download"))}` : ""}`;
    if (request.headers["if-none-match"] === headers.etag) return void response.writeHead(304, headers).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const [start, end] = range ? [Number(range[1]), Math.min(range[2] === "" ? size - 1 : Number(range[2]), size - 1)] : [0, size - 1];
    if (range && start > end) return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
    response.writeHead(range ? 206 : 200, { ...headers, "content-length": end - start + 1, ...(range ? { "content-range": `bytes ${start}-${end}/${size}` } : {}) });
    if (request.method === "HEAD" || size === 0) return void response.end();
    await pipeline(createReadStream(full, { start, end }), response);
    return undefined;
  }

  async function render(object, context, source) {
    if (!imgproxy) throw new StorageError(400, "feature_not_enabled", "Image transformation is not enabled");
    const path = files.path(object).split("/").map(encodeURIComponent).join("/");
    const address = `${imgproxy}/insecure/${transformation(source).join("/")}/plain/local://${path}`;
    const answer = await fetch(address, { headers: { accept: context.request.headers.accept ?? "*/*" }, signal: AbortSignal.timeout(15_000) })
      .catch((error) => { throw new StorageError(502, "ImageProcessingError", `imgproxy does not answer: ${error.cause?.message ?? error.message}`); });
    if (!answer.ok) throw new StorageError(answer.status < 500 ? 422 : 502, "ImageProcessingError", (await answer.text()).slice(0, 200));
    const headers = { "content-type": answer.headers.get("content-type"), "cache-control": object.metadata?.cacheControl ?? "no-cache" };
    context.response.writeHead(200, headers);
    if (context.request.method === "HEAD") return void context.response.end();
    await pipeline(Readable.fromWeb(answer.body), context.response);
    return undefined;
  }

  // the object without regard to the caller: a public bucket or a signed link has settled that
  async function unchecked(bucket, key) {
    const { rows: [object] } = await access.pool.query("select * from storage.objects where bucket_id = $1 and name = $2", [bucket, key]);
    if (!object) throw noObject();
    return object;
  }

  async function ofPublic({ params }) {
    if (!(await access.bucket(params.bucket)).public) throw noBucket();
    return unchecked(params.bucket, params.key);
  }

  async function ofCaller({ request, params }) {
    const claims = access.claims(request, true);
    if ((await access.bucket(params.bucket)).public) return unchecked(params.bucket, params.key);
    if (!claims) throw noBucket();
    return objects.find(claims, request, params.bucket, params.key);
  }

  function signedClaims({ params, query }) {
    if (!query.get("token")) throw badRequest("querystring must have required property 'token'");
    const claims = access.verify(query.get("token"));
    // a user's own token and a token for uploads are signed with the same secret: neither opens a link
    if (claims.use !== "download" || claims.url !== `${params.bucket}/${params.key}`) throw new StorageError(400, "InvalidSignature", "The url does not match the signature");
    return claims;
  }

  const described = ({ id, version, name, bucket_id, metadata, user_metadata, created_at, updated_at }) => ({
    id, name, version, bucket_id, size: metadata?.size ?? null, content_type: metadata?.mimetype ?? null, cache_control: metadata?.cacheControl ?? null,
    etag: metadata?.eTag ?? null, metadata: user_metadata ?? {}, last_modified: updated_at, created_at,
  });

  const plain = (context) => Object.fromEntries(context.query);
  app.on("GET", "/object/public/:bucket/*key", async (c) => serve(await ofPublic(c), c));
  app.on("GET", "/object/authenticated/:bucket/*key", async (c) => serve(await ofCaller(c), c));
  app.on("GET", "/object/sign/:bucket/*key", async (c) => signedClaims(c) && serve(await unchecked(c.params.bucket, c.params.key), c));
  app.on("GET", "/object/info/public/:bucket/*key", async (c) => described(await ofPublic(c)));
  app.on("GET", "/object/info/authenticated/:bucket/*key", async (c) => described(await ofCaller(c)));
  app.on("GET", "/object/info/:bucket/*key", async (c) => described(await ofCaller(c)));
  app.on("GET", "/object/:bucket/*key", async (c) => serve(await ofCaller(c), c));
  app.on("GET", "/render/image/public/:bucket/*key", async (c) => render(await ofPublic(c), c, plain(c)));
  app.on("GET", "/render/image/authenticated/:bucket/*key", async (c) => render(await ofCaller(c), c, plain(c)));
  app.on("GET", "/render/image/sign/:bucket/*key", async (c) => {
    const claims = signedClaims(c);
    return render(await unchecked(c.params.bucket, c.params.key), c, claims.transform ?? {});
  });

  const encoded = (bucket, key) => `${encodeURIComponent(bucket)}/${key.split("/").map(encodeURIComponent).join("/")}`;
  function link(bucket, key, expiresIn, transform) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { url: `${bucket}/${key}`, use: "download", ...(transform ? { transform } : {}), iat: now, exp: now + expiresIn };
    return `/${transform ? "render/image" : "object"}/sign/${bucket}/${key}?token=${signToken(claims, secret)}`;
  }
  const seconds = (value) => {
    if (!Number.isInteger(value) || value < 1) throw badRequest("expiresIn must be a whole number of seconds of 1 or more");
    return value;
  };

  app.on("POST", "/object/upload/sign/:bucket/*key", async ({ request, params }) => {
    const claims = access.claims(request);
    await access.bucket(params.bucket);
    const upsert = request.headers["x-upsert"] === "true";
    await objects.requireMayInsert(claims, request, params.bucket, params.key, upsert);
    const now = Math.floor(Date.now() / 1000);
    const token = signToken({ url: `${params.bucket}/${params.key}`, use: "upload", owner: claims.sub ?? null, upsert, iat: now, exp: now + UPLOAD_SECONDS }, secret);
    return { url: `/object/upload/sign/${encoded(params.bucket, params.key)}?token=${token}`, token };
  });
  app.on("POST", "/object/sign/:bucket", async ({ request, params }) => {
    const claims = access.claims(request);
    const { expiresIn, paths } = (await readJson(request)) ?? {};
    if (!Array.isArray(paths)) throw badRequest("paths must be a list of names");
    seconds(expiresIn);
    const rows = await access.asCaller(claims, request, async (client) =>
      (await client.query("select name from storage.objects where bucket_id = $1 and name = any($2)", [params.bucket, paths])).rows);
    const known = new Set(rows.map((r) => r.name));
    return paths.map((path) => (known.has(path) ? { error: null, path, signedURL: link(params.bucket, path, expiresIn) }
      : { error: "Either the object does not exist or you do not have access to it", path, signedURL: null }));
  });
  app.on("POST", "/object/sign/:bucket/*key", async ({ request, params }) => {
    const claims = access.claims(request);
    const { expiresIn, transform } = (await readJson(request)) ?? {};
    seconds(expiresIn);
    if (transform) transformation(transform);
    await objects.find(claims, request, params.bucket, params.key);
    return { signedURL: link(params.bucket, params.key, expiresIn, transform) };
  });
}
