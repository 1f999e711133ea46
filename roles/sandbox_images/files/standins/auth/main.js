// Stand-in for GoTrue: sign-up, password and refresh grants, the user, sign-out, user administration.
import { randomUUID } from "node:crypto";
import { databaseAnswers, openPool, requireDatabase, transaction } from "../shared/database.js";
import { readEnvironment } from "../shared/environment.js";
import { App, bearer, readJson, sendJson } from "../shared/http.js";
import { verifyToken } from "../shared/jwt.js";
import { fail, log, onShutdown } from "../shared/process.js";
import { addAdminRoutes } from "./admin.js";
import { AuthError, errorBody } from "./errors.js";
import { PROBE, migrate } from "./migrations.js";
import { createUser, findUser, openSession, passwordMatches, present, refreshSession, requireNotBanned, updateUser } from "./store.js";

const SERVICE = "auth";
const flag = (value) => ({ boolean: true, default: value });
const env = readEnvironment(SERVICE, {
  GOTRUE_DB_DRIVER: { allowed: ["postgres"] },
  GOTRUE_DB_DATABASE_URL: { url: true },
  GOTRUE_JWT_SECRET: {},
  API_EXTERNAL_URL: { url: true },
  GOTRUE_SITE_URL: {},
  GOTRUE_API_HOST: { default: "0.0.0.0" },
  GOTRUE_API_PORT: { integer: true, default: "8081" },
  GOTRUE_JWT_ADMIN_ROLES: { default: "service_role,supabase_admin" },
  GOTRUE_JWT_AUD: { default: "" },
  GOTRUE_JWT_DEFAULT_GROUP_NAME: { default: "" },
  GOTRUE_JWT_EXP: { integer: true, default: "3600" },
  GOTRUE_JWT_ISSUER: { optional: true },
  GOTRUE_PASSWORD_MIN_LENGTH: { integer: true, default: "6" },
  GOTRUE_DISABLE_SIGNUP: flag("false"),
  GOTRUE_EXTERNAL_EMAIL_ENABLED: flag("true"),
  GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED: flag("false"),
  GOTRUE_MAILER_AUTOCONFIRM: flag("false"),
  GOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS: flag("false"),
});
if (env.GOTRUE_MAILER_AUTOCONFIRM && env.GOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS) {
  fail(SERVICE, "GOTRUE_MAILER_AUTOCONFIRM and GOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS cannot both be true");
}
const config = {
  secret: env.GOTRUE_JWT_SECRET, expiry: env.GOTRUE_JWT_EXP, audience: env.GOTRUE_JWT_AUD, defaultGroup: env.GOTRUE_JWT_DEFAULT_GROUP_NAME,
  issuer: env.GOTRUE_JWT_ISSUER ?? env.API_EXTERNAL_URL, adminRoles: env.GOTRUE_JWT_ADMIN_ROLES.split(",").map((r) => r.trim()),
};

const pool = openPool(env.GOTRUE_DB_DATABASE_URL, { application_name: SERVICE });
await requireDatabase(SERVICE, pool);
await migrate(pool).catch((error) => fail(SERVICE, `the migrations of schema auth failed: ${error.message}`));
// Each question logs in anew: a pooled connection would not notice that the role's password changed.
const probe = openPool(env.GOTRUE_DB_DATABASE_URL, { max: 2, maxUses: 1, query_timeout: 3000, application_name: `${SERVICE} health` });
const app = new App({ errorBody });

async function json(request) {
  const body = (await readJson(request)) ?? {};
  if (typeof body !== "object" || Array.isArray(body)) throw new AuthError(400, "bad_json", "Could not parse request body as JSON: an object is expected");
  for (const name of ["data", "user_metadata", "app_metadata"]) {
    if (body[name] !== undefined && body[name] !== null && (typeof body[name] !== "object" || Array.isArray(body[name]))) {
      throw new AuthError(400, "validation_failed", `${name} must be an object`);
    }
  }
  return body;
}

function claimsOf(request) {
  const token = bearer(request);
  if (!token) throw new AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token");
  try {
    return verifyToken(token, config.secret);
  } catch (error) {
    throw new AuthError(403, "bad_jwt", `invalid JWT: unable to parse or verify signature, ${error.message}`);
  }
}

function requireAdmin(request) {
  if (!config.adminRoles.includes(claimsOf(request).role)) throw new AuthError(403, "not_admin", "User not allowed");
}

/** The user and session id of the caller's token; both must still exist. */
async function caller(client, request) {
  const claims = claimsOf(request);
  if (!claims.sub) throw new AuthError(403, "bad_jwt", "invalid claim: missing sub claim");
  const user = await findUser(client, "id", claims.sub);
  if (!user) throw new AuthError(403, "user_not_found", "User from sub claim in JWT does not exist");
  const { rowCount } = await client.query("select from auth.sessions where id = $1 and user_id = $2", [claims.session_id, user.id]);
  if (!rowCount) throw new AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist");
  return { user, sessionId: claims.session_id };
}

function requirePassword(password) {
  if (typeof password === "string" && password.length >= env.GOTRUE_PASSWORD_MIN_LENGTH) return;
  const message = `Password should be at least ${env.GOTRUE_PASSWORD_MIN_LENGTH} characters.`;
  throw new AuthError(422, "weak_password", message, { weak_password: { reasons: ["length"], message } });
}

function requireEmail(email) {
  if (typeof email !== "string" || !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) throw new AuthError(400, "validation_failed", "Unable to validate email address: invalid format");
}

app.on("POST", "/signup", async ({ request }) => {
  const { email, phone, password, data } = await json(request);
  if (env.GOTRUE_DISABLE_SIGNUP) throw new AuthError(422, "signup_disabled", "Signups not allowed for this instance");
  if (phone) throw new AuthError(400, "phone_provider_disabled", "Phone signups are disabled");
  if (!email && !password) {
    if (!env.GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED) throw new AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled");
    return transaction(pool, async (client) =>
      openSession(client, config, await createUser(client, config, { anonymous: true, userMetadata: data }), "anonymous", request));
  }
  if (!env.GOTRUE_EXTERNAL_EMAIL_ENABLED) throw new AuthError(400, "email_provider_disabled", "Email signups are disabled");
  requireEmail(email);
  requirePassword(password);
  return transaction(pool, async (client) => {
    const existing = await findUser(client, "email", email);
    const confirmed = env.GOTRUE_MAILER_AUTOCONFIRM;
    if (existing && confirmed) throw new AuthError(422, "user_already_exists", "User already registered");
    // without autoconfirm the answer must not tell whether a confirmed user exists: it is made up, as officially
    if (existing?.email_confirmed_at) return { ...(await present(client, existing)), id: randomUUID(), identities: [], app_metadata: { provider: "email", providers: ["email"] }, user_metadata: data ?? {} };
    const user = existing ?? (await createUser(client, config, { email, password, confirmed, userMetadata: data }));
    return confirmed ? openSession(client, config, user, "password", request) : present(client, user);
  }).catch((error) => {
    // two sign-ups of one address at the same time
    throw error.code === "23505" ? new AuthError(422, "user_already_exists", "User already registered") : error;
  });
});

async function passwordGrant(body, request) {
  if (body.phone) throw new AuthError(400, "phone_provider_disabled", "Phone logins are disabled");
  if (!env.GOTRUE_EXTERNAL_EMAIL_ENABLED) throw new AuthError(422, "email_provider_disabled", "Email logins are disabled");
  if (typeof body.email !== "string" || typeof body.password !== "string") throw new AuthError(400, "validation_failed", "missing email or password");
  const user = await findUser(pool, "email", body.email);
  if (!(await passwordMatches(body.password, user?.encrypted_password))) throw new AuthError(400, "invalid_credentials", "Invalid login credentials");
  requireNotBanned(user);
  if (!user.email_confirmed_at && !env.GOTRUE_MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS) throw new AuthError(400, "email_not_confirmed", "Email not confirmed");
  return transaction(pool, (client) => openSession(client, config, user, "password", request));
}

app.on("POST", "/token", async ({ request, query }) => {
  const grant = query.get("grant_type");
  const body = await json(request);
  if (grant === "password") return passwordGrant(body, request);
  if (grant !== "refresh_token") throw new AuthError(400, "unsupported_grant_type", "grant_type must be password or refresh_token");
  if (typeof body.refresh_token !== "string") throw new AuthError(400, "validation_failed", "refresh_token required");
  const { session, theft } = await transaction(pool, (client) => refreshSession(client, config, body.refresh_token));
  if (theft) throw theft;
  return session;
});

app.on("GET", "/user", async ({ request }) => present(pool, (await caller(pool, request)).user));

app.on("PUT", "/user", async ({ request }) => {
  const { email, password, data, phone } = await json(request);
  return transaction(pool, async (client) => {
    const { user } = await caller(client, request);
    if (phone) throw new AuthError(400, "phone_provider_disabled", "Phone sign-in is disabled");
    const change = { userMetadata: data };
    if (password !== undefined) {
      requirePassword(password);
      if (await passwordMatches(password, user.encrypted_password)) throw new AuthError(422, "same_password", "New password should be different from the old password.");
      change.password = password;
    }
    if (email !== undefined && email.toLowerCase() !== user.email) {
      requireEmail(email);
      if (await findUser(client, "email", email)) throw new AuthError(422, "email_exists", "A user with this email address has already been registered");
      if (!env.GOTRUE_MAILER_AUTOCONFIRM) throw noMail("an email change to be confirmed");
      change.email = email;
    }
    return present(client, await updateUser(client, user, change));
  });
});

app.on("POST", "/logout", async ({ request, response, query }) => {
  const scope = query.get("scope") ?? "global";
  const where = { global: "true", local: "id = $2", others: "id <> $2" }[scope];
  if (!where) throw new AuthError(400, "validation_failed", "scope must be global, local or others");
  const { user, sessionId } = await caller(pool, request);
  await pool.query(`delete from auth.sessions where user_id = $1 and ${where}`, scope === "global" ? [user.id] : [user.id, sessionId]);
  sendJson(response, 204, undefined);
});

// What needs a mail or a provider is refused in so many words: a client must not wait for a message that never comes.
const noMail = (what) => new AuthError(422, "email_provider_disabled", `This sandbox sends no mail, so ${what} is not available`);
for (const path of ["recover", "otp", "magiclink", "resend", "invite", "verify"]) {
  app.on("POST", `/${path}`, () => { throw noMail(path); });
}
app.on("GET", "/reauthenticate", () => { throw noMail("reauthenticate"); });
app.on("GET", "/authorize", ({ query }) => { throw new AuthError(400, "validation_failed", `Unsupported provider: ${query.get("provider")} is not enabled`); });

app.on("GET", "/settings", () => ({
  external: { email: env.GOTRUE_EXTERNAL_EMAIL_ENABLED, phone: false, anonymous_users: env.GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED },
  disable_signup: env.GOTRUE_DISABLE_SIGNUP, mailer_autoconfirm: env.GOTRUE_MAILER_AUTOCONFIRM,
  phone_autoconfirm: false, sms_provider: "", saml_enabled: false,
}));
// tokens are signed with a shared secret, which is never published
app.on("GET", "/.well-known/jwks.json", () => ({ keys: [] }));
app.on("GET", "/health", async ({ response }) => {
  if (await databaseAnswers(probe, PROBE)) return { version: "sandbox", name: "GoTrue", description: "Stand-in for GoTrue, a user registration and authentication API" };
  sendJson(response, 503, { code: 503, error_code: "unexpected_failure", msg: "The database refuses the login or lacks a table of schema auth" });
});
addAdminRoutes(app, { pool, config, json, requireAdmin });

await app.listen(env.GOTRUE_API_PORT, env.GOTRUE_API_HOST);
log("info", `listening on port ${env.GOTRUE_API_PORT}`);
onShutdown(async () => {
  await app.close();
  await Promise.all([pool.end(), probe.end()]);
});
