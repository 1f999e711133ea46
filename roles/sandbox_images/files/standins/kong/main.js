// The gateway: enforces the same declarative file as the official image, without a database.
import http from "node:http";
import https from "node:https";
import { readFileSync } from "node:fs";
import { readEnvironment } from "../shared/environment.js";
import { fail, onShutdown } from "../shared/process.js";
import { readDeclaration, DeclarationError } from "./declaration.js";
import { handle, handleUpgrade } from "./proxy.js";

// asked by `kong health` from inside: any other path could reach an upstream
const HEALTH = "/.kong-health";

const environment = readEnvironment("kong", {
  KONG_DATABASE: { allowed: ["off"] },
  KONG_DECLARATIVE_CONFIG: {},
  KONG_PLUGINS: { default: "bundled" },
  KONG_ROUTER_FLAVOR: { default: "traditional_compatible", allowed: ["traditional", "traditional_compatible", "expressions"] },
  KONG_PROXY_ACCESS_LOG: { default: "/dev/stdout combined" },
  KONG_SSL_CERT: { optional: true },
  KONG_SSL_CERT_KEY: { optional: true },
});

let declared;
try {
  declared = readDeclaration(environment.KONG_DECLARATIVE_CONFIG, { plugins: environment.KONG_PLUGINS, flavour: environment.KONG_ROUTER_FLAVOR });
} catch (error) {
  if (!(error instanceof DeclarationError)) throw error;
  fail("kong", error.message);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const logs = environment.KONG_PROXY_ACCESS_LOG !== "off";

/** One line in nginx's combined format, which vector parses. */
function accessLog(request, status, size) {
  if (!logs) return;
  const now = new Date().toISOString();
  const time = `${now.slice(8, 10)}/${MONTHS[Number(now.slice(5, 7)) - 1]}/${now.slice(0, 4)}:${now.slice(11, 19)} +0000`;
  const address = (request.socket.remoteAddress ?? "-").replace(/^::ffff:/, "");
  // quotes and control characters would let a client forge lines; a key in the query is not for logs
  const clean = (value) => (value ?? "-").replace(/[\x00-\x1f"\\\x7f]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const uri = request.url.replace(/([?&]apikey=)[^&]*/g, "$1redacted");
  const line = `${request.method} ${clean(uri)} HTTP/${request.httpVersion}`;
  process.stdout.write(`${address} - - [${time}] "${line}" ${status} ${size} "${clean(request.headers.referer)}" "${clean(request.headers["user-agent"])}"\n`);
}

function listen(server, port) {
  const gateway = { ...declared, port };
  server.on("request", (request, response) => {
    if (request.url === HEALTH && ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(request.socket.remoteAddress)) return response.end("ok\n");
    const before = request.socket.bytesWritten;
    response.on("close", () => accessLog(request, response.statusCode, Math.max(0, request.socket.bytesWritten - before)));
    handle(gateway, request, response);
  });
  server.on("upgrade", (request, socket, head) => handleUpgrade(gateway, request, socket, head, (status, size) => accessLog(request, status, size)));
  server.on("error", (error) => fail("kong", `port ${port} cannot be served: ${error.message}`));
  // long uploads and idle streams are the upstream's business, bounded by its read timeout
  server.requestTimeout = 0;
  server.listen(port, "::");
  return server;
}

const servers = [listen(http.createServer(), 8000)];
if (environment.KONG_SSL_CERT && environment.KONG_SSL_CERT_KEY) {
  try {
    const [cert, key] = [environment.KONG_SSL_CERT, environment.KONG_SSL_CERT_KEY].map((path) => readFileSync(path));
    servers.push(listen(https.createServer({ cert, key }), 8443));
  } catch (error) {
    fail("kong", `the certificate of KONG_SSL_CERT and KONG_SSL_CERT_KEY cannot be used: ${error.message}`);
  }
}
process.stderr.write(`kong: serving ${declared.routes.length} routes\n`);

onShutdown(
  () =>
    new Promise((resolve) => {
      let open = servers.length;
      for (const server of servers) server.close(() => (open -= 1) === 0 && resolve());
    }),
);
