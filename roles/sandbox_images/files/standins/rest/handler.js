// One request: read it, run it in one transaction under the caller's role, answer.
import pg from "pg";
import { readBody } from "../shared/http.js";
import { RequestError, describe } from "./errors.js";
import { openapi } from "./openapi.js";
import { parseQuery } from "./parse.js";
import { Statement } from "./sql.js";
import { identify } from "./tokens.js";

const READS = new Set(["GET", "HEAD"]);
const BODY_LIMIT = 50 * 1024 * 1024;

/** `config`: schemas, extraSearchPath, anonRole, keys, audience, maxRows, settings, preRequest; `state`.schema is null until first loaded. */
export function createHandler(pool, config, state) {
  return async ({ request, response, url }) => {
    let role = config.anonRole;
    try {
      const who = identify(request, config.keys, config.anonRole, config.audience);
      role = who.role;
      if (!state.schema) throw new RequestError(503, "PGRST002", "Could not query the database for the schema cache. Retrying.");
      const plan = await planRequest(request, url, config, state.schema);
      send(request, response, await execute(pool, plan, who, request, url, config, state.schema));
    } catch (error) {
      const { status, body } = describe(error, role !== config.anonRole);
      send(request, response, { status, body: JSON.stringify(body), headers: error.headers ?? {} });
    }
    return true;
  };
}

function send(request, response, { status, body, headers }) {
  const empty = status === 204 || body === "";
  const type = empty ? {} : { "content-type": "application/json; charset=utf-8", "content-length": Buffer.byteLength(body) };
  response.writeHead(status, { ...type, ...headers });
  response.end(empty || request.method === "HEAD" ? undefined : body);
}

function preferences(request) {
  const prefer = {};
  for (const pair of (request.headers.prefer ?? "").split(",")) {
    const [name, value] = pair.trim().split("=");
    if (name && value) prefer[name] ??= value;
  }
  return prefer;
}

function accepted(request) {
  const types = (request.headers.accept ?? "*/*").split(",").map((t) => t.trim().toLowerCase());
  for (const type of types) {
    const stripped = type.includes("nulls=stripped");
    if (type.startsWith("application/vnd.pgrst.object")) return { first: true, stripped };
    if (type.startsWith("application/vnd.pgrst.array")) return { first: false, stripped };
    if (/^(application\/(json|openapi\+json|\*)|\*\/\*)/.test(type)) return { first: false, stripped: false };
  }
  throw new RequestError(406, "PGRST107", `None of these media types are available: ${types.join(", ")}`);
}

function chooseSchema(request, config) {
  const name = request.headers[READS.has(request.method) ? "accept-profile" : "content-profile"] ?? config.schemas[0];
  if (!config.schemas.includes(name)) {
    throw new RequestError(406, "PGRST106", `Invalid schema: ${name}`, null, `Only the following schemas are exposed: ${config.schemas.join(", ")}`);
  }
  return name;
}

function applyRange(request, node) {
  const match = /^(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  if (!match || !READS.has(request.method)) return;
  node.offset += Number(match[1]);
  if (match[2] !== "") node.limit = Math.min(node.limit ?? Infinity, Number(match[2]) - Number(match[1]) + 1);
  if (node.limit < 0) throw new RequestError(416, "PGRST103", "Requested range not satisfiable", "The lower boundary must be lower than or equal to the upper boundary in the Range header.");
}

async function payload(request) {
  const type = (request.headers["content-type"] ?? "application/json").split(";")[0].trim();
  if (type !== "application/json") throw new RequestError(415, "PGRST102", `Content-Type not acceptable: ${type}`);
  const text = (await readBody(request, BODY_LIMIT)).toString("utf8");
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    return { text, value: undefined };
  }
}

const invalidBody = (message = "Empty or invalid json") => new RequestError(400, "PGRST102", message);

/** Decide what to run: {statement, sql, kind, readOnly, ...}. Nothing is asked of the database yet. */
async function planRequest(request, url, config, schema) {
  const prefer = preferences(request);
  const schemaName = chooseSchema(request, config);
  const statement = new Statement(schema, config.maxRows);
  const options = { ...accepted(request), count: Boolean(prefer.count), representation: prefer.return === "representation" };
  const parts = url.pathname.split("/").slice(1).map(decodeURIComponent);
  const plan = { statement, prefer, schemaName, options, readOnly: READS.has(request.method), offset: 0 };
  if (parts.length === 1 && parts[0] === "" && plan.readOnly) return { ...plan, kind: "root" };
  if (parts.length === 2 && parts[0] === "rpc" && parts[1]) return planCall(request, url, parts[1], schema, plan);
  if (parts.length !== 1 || !parts[0]) throw new RequestError(404, "PGRST125", "Invalid path specified in request URL");

  const relation = schema.relation(schemaName, parts[0]);
  const query = parseQuery(url.searchParams);
  if (plan.readOnly) {
    applyRange(request, query.root);
    return { ...plan, kind: "read", offset: query.root.offset, sql: statement.read(relation, query, options) };
  }
  const change = await planChange(request, relation, query, statement, prefer);
  return { ...plan, kind: request.method, ...change, sql: change.sql && statement.changed(relation, change.sql, query, options) };
}

async function planChange(request, relation, query, statement, prefer) {
  const { method } = request;
  // The official image loads the safeupdate library for this role: a change without a condition is refused.
  if ((method === "PATCH" || method === "DELETE") && query.root.filters.length === 0) {
    throw new RequestError(400, "21000", `${method === "PATCH" ? "UPDATE" : "DELETE"} requires a WHERE clause`);
  }
  if (method === "DELETE") return { sql: statement.remove(relation, query) };
  if (method !== "POST" && method !== "PATCH") throw new RequestError(405, "PGRST117", `Unsupported HTTP method: ${method}`);
  const { text, value } = await payload(request);
  if (value === null || typeof value !== "object") throw invalidBody();
  if (method === "PATCH") {
    const names = query.columns ?? Object.keys(Array.isArray(value) ? (value[0] ?? {}) : value);
    if (Array.isArray(value) && value.length > 1) throw invalidBody("an update takes one object");
    return { sql: names.length ? statement.update(relation, names, Array.isArray(value) ? JSON.stringify(value[0]) : text, query) : null };
  }
  const rows = Array.isArray(value) ? value : [value];
  const names = query.columns ?? Object.keys(rows[0] ?? {});
  const same = (row) => row !== null && typeof row === "object" && Object.keys(row).length === names.length && names.every((n) => n in row);
  if (!query.columns && !rows.every(same)) throw invalidBody("All object keys must match");
  if (rows.length === 0) return { sql: null };
  const resolution = ["merge-duplicates", "ignore-duplicates"].includes(prefer.resolution) ? prefer.resolution : null;
  return { sql: statement.insert(relation, names, Array.isArray(value) ? text : `[${text}]`, query, { resolution, fillDefaults: prefer.missing === "default" }) };
}

async function planCall(request, url, name, schema, plan) {
  const { method } = request;
  if (method !== "POST" && !plan.readOnly) throw new RequestError(405, "PGRST101", `Cannot use the ${method} method on RPC`);
  let json = null, value = null, args;
  if (plan.readOnly) {
    const known = new Set(schema.functions.filter((f) => f.schema === plan.schemaName && f.name === name).flatMap((f) => f.arguments.map((a) => a.name)));
    args = parseQuery(url.searchParams, known).args;
  } else {
    const body = await payload(request);
    if (body.text.trim() !== "" && body.value === undefined) throw invalidBody();
    json = body.text.trim() === "" ? "{}" : body.text;
    value = body.value ?? {};
    args = typeof value === "object" && !Array.isArray(value) ? value : {};
  }
  const { procedure, single } = schema.procedure(plan.schemaName, name, Object.keys(args), json !== null);
  const query = parseQuery(url.searchParams, new Set(json === null ? Object.keys(args) : []));
  applyRange(request, query.root);
  const options = { ...plan.options, mustBeOne: plan.options.first, first: plan.options.first || !procedure.set };
  const sql = plan.statement.call(procedure, { json, args, single }, query, options);
  return { ...plan, options, kind: procedure.void ? "void" : "read", offset: query.root.offset, sql, readOnly: plan.readOnly || procedure.volatility !== "v" };
}

/** The settings that SQL sees about the request, all local to the transaction. */
async function enterContext(client, plan, who, request, url, config, schema) {
  const path = [...new Set([plan.schemaName, ...config.extraSearchPath])].map((s) => pg.escapeIdentifier(s)).join(", ");
  const settings = {
    search_path: path,
    ...(schema.timeouts.has(who.role) ? { statement_timeout: schema.timeouts.get(who.role) } : {}),
    "request.jwt.claims": JSON.stringify(who.claims),
    "request.method": request.method,
    "request.path": url.pathname,
    "request.headers": JSON.stringify(request.headers),
    "request.cookies": "{}",
    ...config.settings,
    role: who.role,
  };
  const values = Object.entries(settings).flat();
  await client.query(`select ${Object.keys(settings).map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(", ")}`, values);
  if (config.preRequest) await client.query(`select ${config.preRequest.split(".").map((s) => pg.escapeIdentifier(s)).join(".")}()`);
}

async function execute(pool, plan, who, request, url, config, schema) {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query(plan.readOnly ? "begin read only" : "begin");
    await enterContext(client, plan, who, request, url, config, schema);
    if (plan.kind === "root") {
      const body = JSON.stringify(await openapi(client, schema, plan.schemaName));
      await client.query("commit");
      return { status: 200, body, headers: {} };
    }
    const nothing = { rows: 0, total: 0, body: plan.options.representation ? "[]" : "" };
    const result = plan.sql ? (await client.query(plan.sql, plan.statement.values)).rows[0] : nothing;
    check(plan, result);
    const extra = (await client.query("select current_setting('response.status', true) as status, current_setting('response.headers', true) as headers")).rows[0];
    await client.query("commit");
    return answer(plan, result, extra);
  } catch (error) {
    broken = await client.query("rollback").then(() => false, () => true);
    throw error;
  } finally {
    client.release(broken);
  }
}

function check({ options, prefer, kind, offset }, { rows, total }) {
  const wantsOne = options.mustBeOne ?? options.first;
  if (wantsOne && rows !== 1 && (kind === "read" || options.representation)) {
    throw new RequestError(406, "PGRST116", "Cannot coerce the result to a single JSON object", `The result contains ${rows} rows`);
  }
  if (prefer.handling === "strict" && "max-affected" in prefer && kind !== "read" && rows > Number(prefer["max-affected"])) {
    throw new RequestError(400, "PGRST124", "Query result exceeds max-affected preference constraint", `The query affects ${rows} rows`);
  }
  if (kind === "read" && total !== null && offset > total) {
    throw new RequestError(416, "PGRST103", "Requested range not satisfiable", `An offset of ${offset} was requested, but there are only ${total} rows.`);
  }
}

function answer({ kind, options, prefer, offset }, { rows, total, body }, extra) {
  const counted = options.count && total !== null ? total : "*";
  const range = rows > 0 && kind !== "POST" ? `${offset}-${offset + rows - 1}` : "*";
  const headers = { "content-range": `${range}/${counted}` };
  const applied = ["return", "resolution", "missing", "count", "handling", "max-affected"].filter((p) => p in prefer).map((p) => `${p}=${prefer[p]}`);
  if (applied.length) headers["preference-applied"] = applied.join(", ");
  let status = 200;
  if (kind === "read") status = counted !== "*" && rows < total ? 206 : 200;
  else if (kind === "POST") status = 201;
  else if (kind === "void" || !options.representation) status = 204;
  if (kind === "void") return { status, body: "", headers };
  // a function may set its own status and headers: [{"name": "value"}, ...]
  for (const header of extra.headers ? JSON.parse(extra.headers) : []) Object.assign(headers, header);
  return { status: extra.status ? Number(extra.status) : status, body, headers };
}
