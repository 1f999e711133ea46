// Stand-in for PostgREST. `postgrest --ready` is the launcher's business: it asks the admin server below.
import pg from "pg";
import { databaseAnswers, openPool, requireDatabase } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { App, sendJson } from "../shared/http.js";
import { fail, log, onShutdown } from "../shared/process.js";
import { createHandler } from "./handler.js";
import { loadSchema, watchSchema } from "./schema.js";
import { readKeys } from "./tokens.js";

const SERVICE = "postgrest";
const names = (text) => text.split(",").map((s) => s.trim()).filter(Boolean);
// "!4" and "*4" are the official names for any IPv4 address
const listenHost = (host) => (/^[!*]/.test(host) ? "0.0.0.0" : host);

const env = readEnvironment(SERVICE, {
  PGRST_DB_URI: {},
  PGRST_DB_SCHEMAS: { default: "public" },
  PGRST_DB_ANON_ROLE: {},
  PGRST_JWT_SECRET: { min: 32 },
  PGRST_JWT_AUD: { optional: true },
  PGRST_DB_EXTRA_SEARCH_PATH: { default: "public" },
  PGRST_DB_MAX_ROWS: { integer: true, optional: true },
  PGRST_DB_PRE_REQUEST: { optional: true },
  PGRST_DB_CHANNEL: { default: "pgrst" },
  PGRST_DB_POOL: { integer: true, default: "10" },
  PGRST_SERVER_HOST: { default: "!4" },
  PGRST_SERVER_PORT: { integer: true, default: "3000" },
  PGRST_ADMIN_SERVER_HOST: { default: process.env.PGRST_SERVER_HOST || "!4" },
  PGRST_ADMIN_SERVER_PORT: { integer: true, optional: true },
});
const keys = readKeys(env.PGRST_JWT_SECRET);
if (!keys) fail(SERVICE, "PGRST_JWT_SECRET must be a text of at least 32 characters, or a JWK or JWK set with a symmetric (oct) key");
const settings = Object.fromEntries(Object.entries(process.env)
  .filter(([name]) => name.startsWith("PGRST_APP_SETTINGS_"))
  .map(([name, value]) => [`app.settings.${name.slice(19).toLowerCase()}`, value]));
const schemas = names(env.PGRST_DB_SCHEMAS);
const state = { schema: null };
const pool = openPool(env.PGRST_DB_URI, { max: env.PGRST_DB_POOL, application_name: SERVICE });
await requireDatabase(SERVICE, pool);

const reload = async () => {
  try {
    state.schema = await loadSchema(pool, schemas);
    log("info", `schema cache loaded: ${state.schema.relations.length} relations, ${state.schema.functions.length} functions`);
  } catch (error) {
    log("warning", `schema cache not loaded: ${error.message}`);
  }
};
await reload();
const stopWatching = watchSchema(env.PGRST_DB_URI, env.PGRST_DB_CHANNEL, reload);
const app = new App({
  onRequest: createHandler(pool, {
    schemas, keys, settings,
    audience: env.PGRST_JWT_AUD,
    anonRole: env.PGRST_DB_ANON_ROLE,
    extraSearchPath: names(env.PGRST_DB_EXTRA_SEARCH_PATH),
    maxRows: env.PGRST_DB_MAX_ROWS ?? Infinity,
    preRequest: env.PGRST_DB_PRE_REQUEST,
  }, state),
});

// Each question logs in anew: a pooled connection would not notice that the role's password changed.
const probe = openPool(env.PGRST_DB_URI, { max: 2, maxUses: 1, query_timeout: 3000, application_name: `${SERVICE} health` });
const becomeAnon = `set role ${pg.escapeIdentifier(env.PGRST_DB_ANON_ROLE)}`;
const admin = new App();
const status = (response, good) => sendJson(response, good ? 200 : 503, undefined);
admin.on("GET", "/live", ({ response }) => status(response, app.server.listening));
admin.on("GET", "/ready", async ({ response }) => {
  if (!state.schema) await reload();
  status(response, app.server.listening && state.schema !== null && (await databaseAnswers(probe, becomeAnon)));
});
if (env.PGRST_ADMIN_SERVER_PORT) await admin.listen(env.PGRST_ADMIN_SERVER_PORT, listenHost(env.PGRST_ADMIN_SERVER_HOST));
await app.listen(env.PGRST_SERVER_PORT, listenHost(env.PGRST_SERVER_HOST));
log("info", `listening on port ${env.PGRST_SERVER_PORT}`);
onShutdown(async () => {
  stopWatching();
  await Promise.all([app.close(), admin.server.listening && admin.close()]);
  await Promise.all([pool.end(), probe.end()]);
});
