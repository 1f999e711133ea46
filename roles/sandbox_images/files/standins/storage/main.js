// Stand-in for the Storage API: buckets and objects, files on the volume, rows under row level security.
import { openPool, databaseAnswers, requireDatabase } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { App, sendJson } from "../shared/http.js";
import { fail, log, onShutdown } from "../shared/process.js";
import { Access } from "./access.js";
import { addBucketRoutes } from "./buckets.js";
import { addDownloadRoutes } from "./downloads.js";
import { StorageError, errorBody } from "./errors.js";
import { Files } from "./files.js";
import { PROBE, migrate } from "./migrations.js";
import { Objects, addObjectRoutes } from "./objects.js";

const SERVICE = "storage";
// the older name of the secret is read as well, after the newer one
process.env.AUTH_JWT_SECRET ||= process.env.PGRST_JWT_SECRET ?? "";
const images = process.env.ENABLE_IMAGE_TRANSFORMATION === "true";
const env = readEnvironment(SERVICE, {
  AUTH_JWT_SECRET: {},
  DATABASE_URL: { url: true },
  // the sandbox keeps objects on the volume only
  STORAGE_BACKEND: { allowed: ["file"] },
  FILE_STORAGE_BACKEND_PATH: {},
  FILE_SIZE_LIMIT: { integer: true },
  GLOBAL_S3_BUCKET: {},
  TENANT_ID: {},
  REGION: {},
  ENABLE_IMAGE_TRANSFORMATION: { boolean: true, default: "false" },
  IMGPROXY_URL: images ? { url: true } : { optional: true },
  SERVER_PORT: { integer: true, default: "5000" },
  DATABASE_MAX_CONNECTIONS: { integer: true, default: "20" },
});
const files = new Files(env.FILE_STORAGE_BACKEND_PATH, env.GLOBAL_S3_BUCKET, env.TENANT_ID);
if (!(await files.usable())) fail(SERVICE, `FILE_STORAGE_BACKEND_PATH is ${env.FILE_STORAGE_BACKEND_PATH}: it must be a directory that can be written`);
const pool = openPool(env.DATABASE_URL, { max: env.DATABASE_MAX_CONNECTIONS, application_name: SERVICE });
await requireDatabase(SERVICE, pool);
await migrate(pool).catch((error) => fail(SERVICE, `the migrations of schema storage failed: ${error.message}`));
// Each question logs in anew: a pooled connection would not notice that the role's password changed.
const probe = openPool(env.DATABASE_URL, { max: 2, maxUses: 1, query_timeout: 3000, application_name: `${SERVICE} health` });

const app = new App({ errorBody });
const parts = { access: new Access(pool, env.AUTH_JWT_SECRET), files, maxSize: env.FILE_SIZE_LIMIT, imgproxy: images ? env.IMGPROXY_URL.replace(/\/$/, "") : null, secret: env.AUTH_JWT_SECRET };
const objects = new Objects(parts);

// The official /status answers 200 without a look at the database; this one fails with what the service needs.
app.on("GET", "/status", async ({ response }) => {
  const [database, disk] = await Promise.all([databaseAnswers(probe, PROBE), files.usable()]);
  const message = !database ? "the database refuses the login or lacks a table of schema storage" : `${env.FILE_STORAGE_BACKEND_PATH} cannot be written`;
  if (database && disk) sendJson(response, 200, undefined);
  else sendJson(response, 503, { statusCode: "503", error: "Unhealthy", message });
});
for (const [prefix, what] of [["/upload/resumable", "resumable uploads are"], ["/s3", "the S3 protocol is"]]) {
  app.on("*", `${prefix}`, () => { throw new StorageError(501, "NotAvailable", `${what} not available in this sandbox`); });
  app.on("*", `${prefix}/*rest`, () => { throw new StorageError(501, "NotAvailable", `${what} not available in this sandbox`); });
}
addBucketRoutes(app, parts);
addDownloadRoutes(app, { ...parts, objects });
addObjectRoutes(app, objects);

await app.listen(env.SERVER_PORT);
log("info", `listening on port ${env.SERVER_PORT}`);
onShutdown(async () => {
  await app.close();
  await Promise.all([pool.end(), probe.end()]);
});
