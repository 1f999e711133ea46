// Stand-in for Realtime: its tenant, the websocket with broadcast and presence, broadcast over HTTP.
import { WebSocketServer } from "ws";
import { openPool, requireDatabase } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { App, HttpError, bearer, readJson, sendJson } from "../shared/http.js";
import { verifyToken } from "../shared/jwt.js";
import { fail, log, onShutdown } from "../shared/process.js";
import { Channels } from "./channels.js";
import { findTenant, migrate, seed } from "./tenants.js";

const SERVICE = "realtime";
const env = readEnvironment(SERVICE, {
  APP_NAME: {},
  SECRET_KEY_BASE: { min: 64 },
  API_JWT_SECRET: {},
  METRICS_JWT_SECRET: {},
  DB_ENC_KEY: { exact: 16 },
  DB_HOST: {},
  DB_PORT: { integer: true },
  DB_NAME: {},
  DB_USER: {},
  DB_PASSWORD: {},
  DB_AFTER_CONNECT_QUERY: {},
  PORT: { integer: true, default: "4000" },
  DB_POOL_SIZE: { integer: true, default: "5" },
  SEED_SELF_HOST: { boolean: true, default: "false" },
  RUN_JANITOR: { boolean: true, default: "false" },
  DISABLE_HEALTHCHECK_LOGGING: { boolean: true, default: "false" },
  SELF_HOST_TENANT_NAME: { default: "realtime-dev" },
  TENANT_MAX_CONCURRENT_USERS: { integer: true, default: "200" },
  TENANT_MAX_CHANNELS_PER_CLIENT: { integer: true, default: "100" },
});
const target = { host: env.DB_HOST, port: env.DB_PORT, database: env.DB_NAME, user: env.DB_USER, password: env.DB_PASSWORD };

// each new connection runs it before its first use; one that cannot is not used
const open = (options) => openPool(target, { application_name: SERVICE, onConnect: (client) => client.query(env.DB_AFTER_CONNECT_QUERY), ...options });

const pool = open({ max: env.DB_POOL_SIZE });
await requireDatabase(SERVICE, pool);
await migrate(pool).catch((error) => fail(SERVICE, `the migrations of schema _realtime failed: ${error.message}`));
if (env.SEED_SELF_HOST) {
  const limits = { users: env.TENANT_MAX_CONCURRENT_USERS, channels: env.TENANT_MAX_CHANNELS_PER_CLIENT };
  await seed(pool, env.SELF_HOST_TENANT_NAME, env.API_JWT_SECRET, env.DB_ENC_KEY, limits)
    .catch((error) => fail(SERVICE, `the seed of tenant ${env.SELF_HOST_TENANT_NAME} failed: ${error.message}`));
}
// Each question logs in anew: a pooled connection would not notice that the password changed.
const probe = open({ max: 2, maxUses: 1, query_timeout: 3000 });
const channels = new Channels({ verify: verifyToken, maxChannels: env.TENANT_MAX_CHANNELS_PER_CLIENT });
const app = new App();

const tenantName = (request) => (request.headers.host ?? "").split(":")[0].split(".")[0];

async function lookUp(source, name) {
  try {
    return await findTenant(source, name, env.DB_ENC_KEY);
  } catch (error) {
    throw new HttpError(503, `the tenant cannot be read: ${error.message}`);
  }
}

async function requireTenant(source, name) {
  const tenant = await lookUp(source, name);
  if (!tenant) throw new HttpError(404, `Tenant ${name} not found`);
  return tenant;
}

function requireToken(token, secret, status) {
  try {
    return verifyToken(token ?? "", secret);
  } catch (error) {
    throw new HttpError(status, `Invalid token: ${error.message}`);
  }
}

app.on("GET", "/healthcheck", async ({ response }) => {
  await lookUp(probe, env.SELF_HOST_TENANT_NAME);
  response.writeHead(200, { "content-type": "text/plain" }).end("ok");
});
app.on("GET", "/api/ping", async ({ request }) => {
  await requireTenant(probe, tenantName(request));
  return { message: "Success" };
});
app.on("GET", "/api/tenants/:name/health", async ({ request, params }) => {
  requireToken(bearer(request), env.API_JWT_SECRET, 403);
  const tenant = await requireTenant(probe, params.name);
  // a tenant sealed with an older secret would refuse every client
  requireToken(bearer(request), tenant.secret, 503);
  return { data: { healthy: true, connected_cluster: channels.sockets.size, db_connected: true, replication_connected: false, region: "sandbox", node: env.APP_NAME } };
});
app.on("GET", "/metrics", ({ request, response }) => {
  requireToken(bearer(request), env.METRICS_JWT_SECRET, 403);
  response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
  response.end(`realtime_connections ${channels.sockets.size}\nrealtime_topics ${channels.topics.size}\n`);
});

async function requireSender(request) {
  const tenant = await requireTenant(pool, tenantName(request));
  requireToken(bearer(request) ?? request.headers.apikey, tenant.secret, 401);
}

const noPrivate = () => new HttpError(422, "private channels are not available in this sandbox");

app.on("POST", "/api/broadcast", async ({ request, response }) => {
  await requireSender(request);
  const { messages } = (await readJson(request)) ?? {};
  const whole = (m) => typeof m?.topic === "string" && typeof m.event === "string" && m.payload !== undefined;
  if (!Array.isArray(messages) || !messages.every(whole)) throw new HttpError(422, "messages must be a list of objects with topic, event and payload");
  if (messages.some((m) => m.private)) throw noPrivate();
  for (const { topic, event, payload } of messages) channels.publish(topic, event, payload);
  sendJson(response, 202, undefined);
});
app.on("POST", "/api/broadcast/:topic/events/:event", async ({ request, response, params, query }) => {
  await requireSender(request);
  if (query.get("private") === "true") throw noPrivate();
  channels.publish(params.topic, params.event, (await readJson(request)) ?? {});
  sendJson(response, 202, undefined);
});

const server = new WebSocketServer({ noServer: true, maxPayload: 3 * 1024 * 1024 });
app.server.on("upgrade", async (request, stream, head) => {
  stream.on("error", () => stream.destroy());
  const refuse = (status, text) => stream.end(`HTTP/1.1 ${status} ${text}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  try {
    const url = new URL(request.url, "http://service.invalid");
    if (!/^\/socket\/websocket\/?$/.test(url.pathname)) return refuse(404, "Not Found");
    const version = { "1.0.0": 1, "2.0.0": 2 }[url.searchParams.get("vsn") ?? "1.0.0"];
    if (!version) return refuse(400, "Bad Request");
    const tenant = await requireTenant(pool, tenantName(request));
    // the gateway translates the key into this header; it goes before the query
    requireToken(request.headers["x-api-key"] || url.searchParams.get("apikey"), tenant.secret, 403);
    if (channels.sockets.size >= tenant.maxUsers) return refuse(429, "Too Many Requests");
    server.handleUpgrade(request, stream, head, (ws) => channels.accept(ws, { version, secret: tenant.secret }));
  } catch (error) {
    refuse(error.status ?? 500, error.status === 403 ? "Forbidden" : "Refused");
  }
  return undefined;
});

await app.listen(env.PORT);
log("info", `${env.APP_NAME} listening on port ${env.PORT}`);
onShutdown(async () => {
  channels.closeAll();
  await app.close();
  await Promise.all([pool.end(), probe.end()]);
});
