// Users, sessions and refresh tokens: rows of schema auth, and the JSON that clients see of them.
import { randomBytes, randomUUID, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { signToken } from "../shared/jwt.js";
import { AuthError } from "./errors.js";

const stretch = promisify(scrypt);
const COST = { N: 16384, r: 8, p: 1 };

/** The official service stores bcrypt; this one stores scrypt from Node itself, so hashes do not move between the two. */
export async function hashPassword(password) {
  const salt = randomBytes(16);
  const key = await stretch(password, salt, 32, COST);
  return `$scrypt$${COST.N}$${salt.toString("base64url")}$${key.toString("base64url")}`;
}

export async function passwordMatches(password, stored) {
  const [, kind, cost, salt, key] = (stored ?? "").split("$");
  // the same work for an unknown user: the answer's time must not tell who exists
  const known = kind === "scrypt";
  const expected = known ? Buffer.from(key, "base64url") : Buffer.alloc(32);
  const given = await stretch(password, known ? Buffer.from(salt, "base64url") : "none", 32, { ...COST, N: known ? Number(cost) : COST.N });
  return known && timingSafeEqual(expected, given);
}

const normal = (email) => email.trim().toLowerCase();

export async function findUser(client, column, value) {
  const { rows } = await client.query(`select * from auth.users where ${column === "id" ? "id" : "email"} = $1 and deleted_at is null`,
    [column === "id" ? value : normal(value)]);
  return rows[0] ?? null;
}

/** `fields`: email, password, confirmed, anonymous, userMetadata, appMetadata, role, id. */
export async function createUser(client, config, fields) {
  const id = fields.id ?? randomUUID();
  const email = fields.email ? normal(fields.email) : null;
  const base = email ? { sub: id, email, email_verified: Boolean(fields.confirmed), phone_verified: false } : {};
  const providers = email ? { provider: "email", providers: ["email"] } : {};
  await client.query(
    `insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
       raw_user_meta_data, is_anonymous, created_at, updated_at)
     values ('00000000-0000-0000-0000-000000000000', $1, $2, $3, $4, $5, case when $6 then now() end, $7, $8, $9, now(), now())`,
    [id, config.audience, fields.role ?? config.defaultGroup, email, fields.password ? await hashPassword(fields.password) : null,
      Boolean(fields.confirmed && email), { ...providers, ...fields.appMetadata }, { ...base, ...fields.userMetadata }, Boolean(fields.anonymous)]);
  if (email) await setIdentity(client, id, base);
  return findUser(client, "id", id);
}

export function setIdentity(client, userId, data) {
  return client.query(
    `insert into auth.identities (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
     values (gen_random_uuid(), $1, $2, $3, 'email', now(), now(), now())
     on conflict (provider_id, provider) do update set identity_data = identities.identity_data || excluded.identity_data, updated_at = now()`,
    [userId, userId, data]);
}

const merged = (old, change) => Object.fromEntries(Object.entries({ ...old, ...change }).filter(([, value]) => value !== null));

/** Change what `change` names: email, password, confirmed, role, userMetadata, appMetadata, bannedUntil. */
export async function updateUser(client, user, change) {
  const email = change.email === undefined ? user.email : normal(change.email);
  const confirm = change.confirmed || (change.email !== undefined && change.confirmed !== false);
  const turned = user.is_anonymous && Boolean(email);
  const appMetadata = merged(turned ? { ...user.raw_app_meta_data, provider: "email", providers: ["email"] } : user.raw_app_meta_data, change.appMetadata);
  await client.query(
    `update auth.users set email = $2, encrypted_password = coalesce($3, encrypted_password), role = coalesce($4, role),
       email_confirmed_at = case when $5 then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
       raw_user_meta_data = $6, raw_app_meta_data = $7, is_anonymous = $8, banned_until = $9, updated_at = now() where id = $1`,
    [user.id, email, change.password ? await hashPassword(change.password) : null, change.role ?? null, Boolean(confirm && email),
      merged(user.raw_user_meta_data, change.userMetadata), appMetadata, user.is_anonymous && !turned,
      change.bannedUntil === undefined ? user.banned_until : change.bannedUntil]);
  if (change.email !== undefined) await setIdentity(client, user.id, { sub: user.id, email, email_verified: Boolean(confirm) });
  return findUser(client, "id", user.id);
}

/** The user as clients see it. */
export async function present(client, user) {
  const { rows } = await client.query("select * from auth.identities where user_id = $1 order by created_at", [user.id]);
  const identities = rows.map(({ id, provider_id, ...rest }) => ({ identity_id: id, id: provider_id, ...rest }));
  const optional = Object.fromEntries(["email_confirmed_at", "invited_at", "confirmation_sent_at", "last_sign_in_at", "banned_until"]
    .filter((name) => user[name]).map((name) => [name, user[name]]));
  return {
    id: user.id, aud: user.aud, role: user.role, email: user.email ?? "", phone: user.phone ?? "", ...optional,
    ...(user.email_confirmed_at ? { confirmed_at: user.email_confirmed_at } : {}),
    app_metadata: user.raw_app_meta_data ?? {}, user_metadata: user.raw_user_meta_data ?? {}, identities,
    created_at: user.created_at, updated_at: user.updated_at, is_anonymous: user.is_anonymous,
  };
}

async function newRefreshToken(client, userId, sessionId, parent) {
  const token = randomBytes(9).toString("base64url");
  await client.query(
    `insert into auth.refresh_tokens (instance_id, token, user_id, revoked, parent, session_id, created_at, updated_at)
     values ('00000000-0000-0000-0000-000000000000', $1, $2, false, $3, $4, now(), now())`, [token, userId, parent, sessionId]);
  return token;
}

async function sessionAnswer(client, config, user, session, refreshToken) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: config.issuer, sub: user.id, aud: user.aud, exp: now + config.expiry, iat: now, email: user.email ?? "", phone: user.phone ?? "",
    app_metadata: user.raw_app_meta_data ?? {}, user_metadata: user.raw_user_meta_data ?? {}, role: user.role, aal: "aal1",
    amr: [{ method: session.method, timestamp: Math.floor(session.created_at.getTime() / 1000) }],
    session_id: session.id, is_anonymous: user.is_anonymous,
  };
  return {
    access_token: signToken(claims, config.secret), token_type: "bearer", expires_in: config.expiry, expires_at: now + config.expiry,
    refresh_token: refreshToken, user: await present(client, user),
  };
}

/** A new session for a user who has just proved who they are. */
export async function openSession(client, config, user, method, request) {
  const { rows } = await client.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, method) values ($1, $2, now(), now(), 'aal1', $3, $4) returning *`,
    [randomUUID(), user.id, request.headers["user-agent"] ?? null, method]);
  await client.query("update auth.users set last_sign_in_at = now() where id = $1", [user.id]);
  const token = await newRefreshToken(client, user.id, rows[0].id, null);
  return sessionAnswer(client, config, await findUser(client, "id", user.id), rows[0], token);
}

/**
 * Exchange a refresh token. Each is good once. The direct parent of the active token is answered with that active one
 * (the client lost our last answer); anything older is theft or a bug and ends the whole session.
 *
 * `theft` is answered instead of thrown, so that the transaction that ends the session is committed.
 */
export async function refreshSession(client, config, given) {
  const { rows: [found] } = await client.query("select * from auth.refresh_tokens where token = $1 for update", [given]);
  if (!found) throw new AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
  const { rows: [session] } = await client.query("select * from auth.sessions where id = $1 for update", [found.session_id]);
  const user = session && (await findUser(client, "id", session.user_id));
  if (!user) throw new AuthError(400, "session_not_found", "Invalid Refresh Token: Session Not Found");
  requireNotBanned(user);
  let token;
  if (!found.revoked) {
    await client.query("update auth.refresh_tokens set revoked = true, updated_at = now() where id = $1", [found.id]);
    token = await newRefreshToken(client, user.id, session.id, found.token);
  } else {
    const { rows: [active] } = await client.query("select * from auth.refresh_tokens where session_id = $1 and not revoked order by id desc limit 1", [session.id]);
    if (active?.parent !== found.token) {
      await client.query("delete from auth.sessions where id = $1", [session.id]);
      return { theft: new AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used") };
    }
    token = active.token;
  }
  await client.query("update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now() where id = $1", [session.id]);
  return { session: await sessionAnswer(client, config, user, { ...session, method: session.method ?? "password" }, token) };
}

export function requireNotBanned(user) {
  if (user.banned_until && user.banned_until > new Date()) throw new AuthError(400, "user_banned", "User is banned");
}
