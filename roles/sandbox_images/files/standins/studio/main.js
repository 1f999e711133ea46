// The dashboard's stand-in: the profile that its health check asks, and one page about the project.
import { readEnvironment } from "../shared/environment.js";
import { App, HttpError } from "../shared/http.js";
import { fail, onShutdown } from "../shared/process.js";
import { metaClient } from "./meta.js";
import { projectPage } from "./page.js";

const environment = readEnvironment("studio", {
  HOSTNAME: {},
  STUDIO_PG_META_URL: { url: true },
  POSTGRES_HOST: {},
  POSTGRES_PORT: { integer: true },
  POSTGRES_DB: {},
  POSTGRES_PASSWORD: { file: true },
  POSTGRES_USER_READ_WRITE: { default: "supabase_admin" },
  PG_META_CRYPTO_KEY: { min: 32 },
  SUPABASE_URL: { url: true },
  SUPABASE_PUBLIC_URL: { url: true },
  SUPABASE_ANON_KEY: { file: true },
  SUPABASE_SERVICE_KEY: { file: true },
  AUTH_JWT_SECRET: { min: 32 },
  DEFAULT_PROJECT_NAME: { default: "Default Project" },
  DEFAULT_ORGANIZATION_NAME: { default: "Default Organization" },
  PGRST_DB_SCHEMAS: { default: "public" },
  LOGFLARE_URL: { optional: true },
});
const query = metaClient(environment);

// through the gateway with the service key, so that a row says what a client would meet
const PROBES = {
  auth: "/auth/v1/health",
  rest: "/rest/v1/",
  storage: "/storage/v1/status",
  functions: "/functions/v1/_internal/health",
};

async function answers(url, headers = {}) {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(3000) });
    return response.ok ? "answers" : `answers with status ${response.status}`;
  } catch (error) {
    return `does not answer (${error.cause?.code ?? error.name})`;
  }
}

async function services() {
  const headers = { apikey: environment.SUPABASE_SERVICE_KEY, authorization: `Bearer ${environment.SUPABASE_SERVICE_KEY}` };
  const probes = Object.entries(PROBES).map(async ([name, path]) => [name, await answers(environment.SUPABASE_URL + path, headers)]);
  probes.push(answers(`${environment.STUDIO_PG_META_URL}/health`).then((state) => ["meta", state]));
  if (environment.LOGFLARE_URL) probes.push(answers(`${environment.LOGFLARE_URL}/health`).then((state) => ["analytics", state]));
  return Promise.all(probes);
}

async function databaseFacts() {
  try {
    const [{ version }] = await query("select version()");
    const tables = await query(
      "select c.relname as name, greatest(c.reltuples, 0)::bigint as rows, c.relrowsecurity as secured from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1 limit 200",
    );
    return { database: version, tables: tables.map((one) => [one.name, one.rows, one.secured ? "on" : "off"]) };
  } catch (error) {
    return { tables: [], problem: error.message };
  }
}

const app = new App();
const profile = async () => {
  await query("select 1").catch((error) => {
    throw new HttpError(500, `the database cannot be reached through meta: ${error.message}`);
  });
  return { id: 1, primary_email: "", username: "sandbox", first_name: "Sandbox", last_name: "", organizations: [], mobile: null, is_alpha_user: false };
};
app.on("GET", "/api/platform/profile", profile);
app.on("GET", "/api/profile", profile);
app.on("GET", "/", ({ response }) => void response.writeHead(307, { location: "/project/default" }).end());
app.on("GET", "/project/default", async ({ response }) => {
  const [states, facts] = await Promise.all([services(), databaseFacts()]);
  const html = projectPage({
    name: environment.DEFAULT_PROJECT_NAME,
    organization: environment.DEFAULT_ORGANIZATION_NAME,
    publicUrl: environment.SUPABASE_PUBLIC_URL,
    schemas: environment.PGRST_DB_SCHEMAS,
    services: states,
    ...facts,
  });
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": Buffer.byteLength(html), "x-content-type-options": "nosniff" });
  response.end(response.req.method === "HEAD" ? undefined : html);
});

// bound to HOSTNAME like the real one: without it Docker's own value, the container's name, would leave loopback unserved
await app.listen(3000, environment.HOSTNAME).catch((error) => fail("studio", `HOSTNAME ${environment.HOSTNAME} cannot be bound: ${error.message}`));
onShutdown(() => app.close());
