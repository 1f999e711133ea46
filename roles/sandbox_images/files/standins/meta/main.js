// The real postgres-meta. Its own /health answers 200 whatever happens to the database; here it also has to log in to it.
import http from "node:http";
import { databaseAnswers, openPool } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { sendJson } from "../shared/http.js";
import { onShutdown } from "../shared/process.js";

const SERVICE = "meta";
const env = readEnvironment(SERVICE, {
  PG_META_DB_HOST: {},
  PG_META_DB_PORT: { integer: true, default: "5432" },
  PG_META_DB_NAME: { default: "postgres" },
  PG_META_DB_USER: { default: "postgres" },
  PG_META_DB_PASSWORD: { file: true },
  CRYPTO_KEY: { file: true, min: 32 },
});
// the image sets the port; the program's own default is another one
process.env.PG_META_PORT ||= "8080";

const target = {
  host: env.PG_META_DB_HOST, port: env.PG_META_DB_PORT, database: env.PG_META_DB_NAME, user: env.PG_META_DB_USER, password: env.PG_META_DB_PASSWORD,
};
// Each question logs in anew: a pooled connection would not notice that the role's password changed.
const probe = openPool(target, { max: 2, maxUses: 1, query_timeout: 3000, application_name: `${SERVICE} health` });

// The program makes its HTTP server itself, so the question is asked where Node hands it a request.
const { emit } = http.Server.prototype;
http.Server.prototype.emit = function emitAfterProbe(event, ...details) {
  const [request, response] = details;
  if (event !== "request" || !/^\/health\/?(\?|$)/.test(request.url)) return emit.call(this, event, ...details);
  databaseAnswers(probe).then((good) => {
    if (good) emit.call(this, event, ...details);
    else sendJson(response, 503, { error: "the database refuses the login or does not answer" });
  });
  return true;
};
// before the import: the program closes its own servers on the same signals
onShutdown(() => probe.end());
await import("@supabase/postgres-meta/dist/server/server.js");
