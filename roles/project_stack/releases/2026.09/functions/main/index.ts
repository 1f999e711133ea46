// The main service of edge functions: checks the caller's token when asked to, then hands the request to a worker of the function.
// It imports nothing, so that the first start needs no network.

declare const EdgeRuntime: {
  userWorkers: {
    create(options: Record<string, unknown>): Promise<{ fetch(request: Request): Promise<Response> }>;
  };
};

const FUNCTIONS_FOLDER = "/home/deno/functions";
// Written by the control plane: what was deployed through its API. The index is read at every call, so that a deployment needs no restart.
const DEPLOYED_FOLDER = `${FUNCTIONS_FOLDER}/.deployed`;
const FUNCTION_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const MEMORY_LIMIT_MB = 150;
const WORKER_TIMEOUT_MS = 60_000;
// Code of a function could sign itself any token with it.
const HIDDEN_FROM_WORKERS = new Set(["JWT_SECRET", "FUNCTION_SECRETS"]);

const JWT_SECRET = Deno.env.get("JWT_SECRET") ?? "";
const VERIFY_JWT = Deno.env.get("VERIFY_JWT") === "true";

if (VERIFY_JWT && JWT_SECRET === "") {
  throw new Error("JWT_SECRET must be set when VERIFY_JWT is true");
}

// Text of a JSON object: the owner's variables, which may hold line breaks.
const FUNCTION_SECRETS = Object.entries(JSON.parse(Deno.env.get("FUNCTION_SECRETS") ?? "{}") as Record<string, string>);

interface Deployed {
  folder: string;
  entrypoint: string;
  import_map: string | null;
  static_patterns: string[];
  verify_jwt: boolean;
}

class Unauthorized extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

function respond(status: number, body: Record<string, unknown>, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

function decodeBase64Url(text: string) {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) {
    throw new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT: not base64url");
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function decodeObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64Url(text)));
  } catch {
    throw new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT: not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT: not a JSON object");
  }
  return value as Record<string, unknown>;
}

function readBearer(request: Request): string {
  let header = request.headers.get("authorization");
  // An opaque key is no token; the gateway has put the token of its role beside it, and lets no client do so.
  const swapped = request.headers.get("sb-api-key");
  if (swapped && (!header || /^bearer\s+sb_/i.test(header.trim()))) {
    header = `Bearer ${swapped}`;
  }
  if (!header) {
    throw new Unauthorized("UNAUTHORIZED_NO_AUTH_HEADER", "Missing authorization header");
  }
  const [scheme, token, ...rest] = header.trim().split(/\s+/);
  if (scheme.toLowerCase() !== "bearer" || !token || rest.length > 0) {
    throw new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "The authorization header must be 'Bearer' and a token");
  }
  return token;
}

function isCurrent(claims: Record<string, unknown>): boolean {
  const now = Date.now() / 1000;
  const { exp, nbf } = claims;
  const validTimes = [exp, nbf].every((time) => time === undefined || typeof time === "number");
  return validTimes && (exp === undefined || now < (exp as number)) && (nbf === undefined || now >= (nbf as number));
}

async function verifyToken(token: string): Promise<void> {
  const parts = token.split(".");
  if (parts.length !== 3) {
    throw new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT: must have three parts");
  }
  const [header, payload, signature] = parts;
  const algorithm = decodeObject(header).alg;
  if (algorithm === "ES256" || algorithm === "RS256") {
    throw new Unauthorized("UNAUTHORIZED_ASYMMETRIC_JWT", "Invalid JWT: this project signs its tokens with HS256");
  }
  if (algorithm !== "HS256") {
    throw new Unauthorized("UNAUTHORIZED_UNSUPPORTED_TOKEN_ALGORITHM", "Invalid JWT: unsupported algorithm");
  }
  const encoder = new TextEncoder();
  // The secret's text itself is the key: it is never decoded.
  const key = await crypto.subtle.importKey("raw", encoder.encode(JWT_SECRET), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
  const isSigned = await crypto.subtle.verify(
    "HMAC",
    key,
    decodeBase64Url(signature),
    encoder.encode(`${header}.${payload}`),
  );
  if (!isSigned || !isCurrent(decodeObject(payload))) {
    throw new Unauthorized("UNAUTHORIZED_LEGACY_JWT", "Invalid JWT: wrong signature or out of date");
  }
}

function workerEnvironment(): [string, string][] {
  const variables = Object.entries(Deno.env.toObject()).filter(([name]) => !HIDDEN_FROM_WORKERS.has(name));
  return [...variables, ...FUNCTION_SECRETS];
}

async function findDeployed(name: string): Promise<Deployed | undefined> {
  try {
    const index = JSON.parse(await Deno.readTextFile(`${DEPLOYED_FOLDER}/index.json`)) as Record<string, Deployed>;
    return Object.hasOwn(index, name) ? index[name] : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return undefined;
    }
    throw error;
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    return (await Deno.stat(folder)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return false;
    }
    throw error;
  }
}

// The code of a version has a folder of its own, so a new version never meets a worker that runs an old one.
function placeOf(name: string, deployed: Deployed | undefined): Record<string, unknown> {
  if (deployed === undefined) {
    return { servicePath: `${FUNCTIONS_FOLDER}/${name}` };
  }
  const folder = `${DEPLOYED_FOLDER}/${deployed.folder}`;
  const entrypoint = `${folder}/${deployed.entrypoint}`;
  return {
    servicePath: entrypoint.slice(0, entrypoint.lastIndexOf("/")),
    maybeEntrypoint: new URL(`file://${entrypoint.split("/").map(encodeURIComponent).join("/")}`).href,
    // The runtime reads an import map from here only, not from an option of its own.
    context: { importMapPath: deployed.import_map === null ? null : `${folder}/${deployed.import_map}` },
    staticPatterns: deployed.static_patterns.map((pattern) => `${folder}/${pattern}`),
  };
}

async function handle(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (path === "/_internal/health") {
    return respond(200, { status: "ok" });
  }
  const name = path.split("/")[1] ?? "";
  const isName = FUNCTION_NAME.test(name) && name !== "main";
  const deployed = isName ? await findDeployed(name) : undefined;
  if ((deployed?.verify_jwt ?? VERIFY_JWT) && request.method !== "OPTIONS") {
    try {
      await verifyToken(readBearer(request));
    } catch (error) {
      const { code, message } = error instanceof Unauthorized
        ? error
        : new Unauthorized("UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT");
      return respond(401, { code, message, msg: message }, { "sb-error-code": code });
    }
  }

  if (name === "") {
    return respond(400, { msg: "missing function name in request" });
  }
  if (!isName) {
    return respond(400, { msg: "a function's name holds only letters, digits, hyphens and underscores and is not main" });
  }
  if (deployed === undefined && !await isThere(`${FUNCTIONS_FOLDER}/${name}`)) {
    return respond(404, { code: "NOT_FOUND", msg: "Requested function was not found" }, { "sb-error-code": "NOT_FOUND" });
  }
  try {
    const worker = await EdgeRuntime.userWorkers.create({
      ...placeOf(name, deployed),
      memoryLimitMb: MEMORY_LIMIT_MB,
      workerTimeoutMs: WORKER_TIMEOUT_MS,
      noModuleCache: false,
      envVars: workerEnvironment(),
    });
    return await worker.fetch(request);
  } catch (error) {
    return respond(500, { msg: error instanceof Error ? error.message : String(error) });
  }
}

Deno.serve(handle);
