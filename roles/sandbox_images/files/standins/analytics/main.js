// The log store: takes batches of events from vector and gives them back to who holds the private token.
import { timingSafeEqual } from "node:crypto";
import { databaseAnswers, openPool, requireDatabase } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { App, bearer, HttpError, readJson, sendJson } from "../shared/http.js";
import { fail, log, onShutdown } from "../shared/process.js";

const SOURCES = [
  "cloudflare.logs.prod",
  "gotrue.logs.prod",
  "postgREST.logs.prod",
  "realtime.logs.prod",
  "storage.logs.prod.2",
  "deno-relay-logs",
  "postgres.logs",
  "deno-subhosting-events",
  "pgbouncer.logs.prod",
];
const KEEP_DAYS = 7;
const MOST_ROWS = 1000;

const environment = readEnvironment("analytics", {
  DB_USERNAME: {},
  DB_DATABASE: {},
  DB_HOSTNAME: {},
  DB_PORT: { integer: true },
  DB_PASSWORD: {},
  DB_SCHEMA: {},
  LOGFLARE_PUBLIC_ACCESS_TOKEN: {},
  LOGFLARE_PRIVATE_ACCESS_TOKEN: { differsFrom: "LOGFLARE_PUBLIC_ACCESS_TOKEN" },
  LOGFLARE_SINGLE_TENANT: { allowed: ["true"] },
  LOGFLARE_SUPABASE_MODE: { allowed: ["true"] },
  POSTGRES_BACKEND_URL: { url: true },
  POSTGRES_BACKEND_SCHEMA: {},
  LOGFLARE_DB_ENCRYPTION_KEY: { optional: true },
  PHX_HTTP_PORT: { default: "4000", integer: true },
});
const encryptionKey = environment.LOGFLARE_DB_ENCRYPTION_KEY;
if (encryptionKey && Buffer.from(encryptionKey, "base64").length !== 32) {
  fail("analytics", "LOGFLARE_DB_ENCRYPTION_KEY must be the base64 form of 32 bytes");
}
for (const name of ["DB_SCHEMA", "POSTGRES_BACKEND_SCHEMA"]) {
  if (!/^[a-z_][a-z0-9_]*$/.test(environment[name])) fail("analytics", `${name} must be a plain schema name of lower-case letters, digits and _`);
}

// as in the official image the program's own tables and the rows of logs are two connections, here to one database
const login = {
  host: environment.DB_HOSTNAME,
  port: environment.DB_PORT,
  database: environment.DB_DATABASE,
  user: environment.DB_USERNAME,
  password: environment.DB_PASSWORD,
};
const openOwn = (options) => openPool(login, { options: `-c search_path=${environment.DB_SCHEMA}`, ...options });
const openBackend = (options) => openPool(environment.POSTGRES_BACKEND_URL, { options: `-c search_path=${environment.POSTGRES_BACKEND_SCHEMA}`, ...options });
const own = openOwn({ max: 2 });
const backend = openBackend({ max: 5 });
// the health check logs in anew each time: a connection that is open already would not notice a changed password
const probes = [
  [openOwn({ max: 1, maxUses: 1 }), "select count(*) from sources"],
  [openBackend({ max: 1, maxUses: 1 }), "select 1 from log_events limit 1"],
];

let ready = false;

async function migrate() {
  await requireDatabase("analytics", own);
  await requireDatabase("analytics", backend);
  try {
    await own.query("create table if not exists sources (id int generated always as identity primary key, name text not null unique, token uuid not null default gen_random_uuid())");
    await own.query("insert into sources (name) select name from unnest($1::text[]) as name on conflict (name) do nothing", [SOURCES]);
    await backend.query(`create table if not exists log_events (
      id uuid primary key default gen_random_uuid(), source text not null, "timestamp" timestamptz not null default now(),
      event_message text, metadata jsonb not null default '{}')`);
    await backend.query('create index if not exists log_events_source on log_events (source, "timestamp" desc)');
  } catch (error) {
    fail("analytics", `the tables cannot be created in schema ${environment.DB_SCHEMA}: ${error.message}`);
  }
}

function holds(token, name) {
  const [given, expected] = [Buffer.from(token ?? ""), Buffer.from(environment[name])];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function authorize({ request, query }, ...names) {
  const token = request.headers["x-api-key"] ?? bearer(request) ?? query.get("api_key");
  if (!names.some((name) => holds(token, name))) throw new HttpError(401, { error: "Unauthorized" });
}

async function sourceName(query) {
  const name = query.get("source_name");
  const token = query.get("source");
  if (!name && !token) throw new HttpError(406, { error: "Source or source_name needed" });
  const { rows } = await own.query("select name from sources where name = $1 or token::text = $2", [name, token]);
  if (!rows.length) throw new HttpError(400, { error: `there is no source ${name ?? token}` });
  return rows[0].name;
}

/** Vector and its kin send times as ISO text, seconds, milliseconds or microseconds. */
function moment(value) {
  if (typeof value === "number") return new Date(value > 1e14 ? value / 1000 : value > 1e11 ? value : value * 1000);
  const time = new Date(value ?? Date.now());
  return Number.isNaN(time.getTime()) ? new Date() : time;
}

async function ingest(context) {
  authorize(context, "LOGFLARE_PUBLIC_ACCESS_TOKEN", "LOGFLARE_PRIVATE_ACCESS_TOKEN");
  const source = await sourceName(context.query);
  const body = (await readJson(context.request)) ?? [];
  const events = Array.isArray(body) ? body : Array.isArray(body.batch) ? body.batch : [body];
  if (events.some((event) => event === null || typeof event !== "object")) throw new HttpError(422, { error: "each event must be an object" });
  const rows = events.map(({ event_message, message, timestamp, metadata, ...rest }) => ({
    timestamp: moment(timestamp).toISOString(),
    // PostgreSQL cannot hold the character 0
    event_message: String(event_message ?? message ?? "").replaceAll("\0", ""),
    metadata: { ...rest, ...metadata },
  }));
  await backend.query(
    `insert into log_events (source, "timestamp", event_message, metadata)
     select $1, "timestamp", event_message, metadata from jsonb_to_recordset($2::jsonb) as r("timestamp" timestamptz, event_message text, metadata jsonb)`,
    [source, JSON.stringify(rows).replaceAll("\\u0000", "")],
  );
  return { message: "Logged!" };
}

/** Rows of one source, newest first. The real one takes SQL here; this one takes source_name, search, limit and the two times. */
async function queryLogs(context) {
  authorize(context, "LOGFLARE_PRIVATE_ACCESS_TOKEN");
  const { query } = context;
  if (query.has("sql")) throw new HttpError(501, { error: "this stand-in runs no SQL: use source_name, search, limit, iso_timestamp_start, iso_timestamp_end" });
  const limit = Math.min(Number(query.get("limit") ?? 100) || 100, MOST_ROWS);
  const { rows } = await backend.query(
    `select id, "timestamp", event_message, metadata, source from log_events
     where ($1::text is null or source = $1) and ($2::text is null or strpos(event_message, $2) > 0)
       and "timestamp" >= coalesce($3::timestamptz, '-infinity') and "timestamp" <= coalesce($4::timestamptz, 'infinity')
     order by "timestamp" desc limit $5`,
    [query.get("source_name"), query.get("search"), query.get("iso_timestamp_start"), query.get("iso_timestamp_end"), limit],
  );
  return { result: rows, error: null };
}

const app = new App();
app.on("GET", "/health", async ({ response }) => {
  if (!ready) return sendJson(response, 503, { status: "coming_up" });
  const answers = await Promise.all(probes.map(([pool, statement]) => databaseAnswers(pool, statement)));
  const good = answers.every(Boolean);
  sendJson(response, good ? 200 : 503, { status: good ? "ok" : "database_unavailable" });
});
app.on("POST", "/api/logs", ingest);
app.on("POST", "/logs", ingest);
app.on("GET", "/api/endpoints/query/logs.all", queryLogs);
app.on("GET", "/api/sources", async (context) => {
  authorize(context, "LOGFLARE_PRIVATE_ACCESS_TOKEN");
  return (await own.query("select id, name, token from sources order by id")).rows;
});

await app.listen(environment.PHX_HTTP_PORT, "::").catch((error) => fail("analytics", error.message));
onShutdown(async () => {
  await app.close();
  await Promise.all([own, backend, ...probes.map(([pool]) => pool)].map((pool) => pool.end()));
});
await migrate();
ready = true;
log("info", "analytics is ready");
const sweep = () => backend.query(`delete from log_events where "timestamp" < now() - make_interval(days => $1)`, [KEEP_DAYS]).catch((error) => log("warning", error.message));
setInterval(sweep, 3_600_000).unref();
