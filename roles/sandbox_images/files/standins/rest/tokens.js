// Who asks: the role and claims of a request's token, checked with the configured key or key set.
import { createSecretKey } from "node:crypto";
import { TokenError, verifyToken } from "../shared/jwt.js";
import { RequestError } from "./errors.js";

/** The symmetric keys of PGRST_JWT_SECRET: plain text, one JWK or a JWK set; null when there is none that HS256 can use. */
export function readKeys(secret) {
  if (!secret.trimStart().startsWith("{")) return secret.length >= 32 ? [secret] : null;
  let document;
  try {
    document = JSON.parse(secret);
  } catch {
    return null;
  }
  // Keys of other types may stand beside them in the set; the sandbox signs with HS256 only.
  const keys = (document.keys ?? [document]).filter((k) => k.kty === "oct" && typeof k.k === "string");
  return keys.length ? keys.map((k) => createSecretKey(Buffer.from(k.k, "base64url"))) : null;
}

function refuse(code, message) {
  const error = new RequestError(401, code, message);
  error.headers = { "www-authenticate": `Bearer error="invalid_token", error_description="${message}"` };
  return error;
}

/** {role, claims} of a request; the anonymous role when it carries no bearer token. */
export function identify(request, keys, anonRole, audience) {
  const match = /^Bearer(?:\s+(\S*))?$/i.exec((request.headers.authorization ?? "").trim());
  if (!match) {
    if (!anonRole) throw refuse("PGRST302", "Anonymous access is disabled");
    return { role: anonRole, claims: { role: anonRole } };
  }
  if (!match[1]) throw refuse("PGRST301", "Empty JWT is sent in Authorization header");
  const claims = verified(match[1], keys);
  const audiences = [claims.aud ?? []].flat();
  if (audience && audiences.length && !audiences.includes(audience)) throw refuse("PGRST303", "JWT not in audience");
  const role = claims.role ?? anonRole;
  if (!role) throw refuse("PGRST302", "Anonymous access is disabled");
  return { role, claims: { ...claims, role } };
}

function verified(token, keys) {
  let last;
  for (const key of keys) {
    try {
      return verifyToken(token, key);
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      last = error;
      if (/expired/.test(error.message)) throw refuse("PGRST303", "JWT expired");
      if (/not valid yet/.test(error.message)) throw refuse("PGRST303", "JWT not yet valid");
    }
  }
  if (/signature/.test(last.message)) throw refuse("PGRST301", "JWT cryptographic operation failed");
  throw refuse("PGRST301", `Invalid JWT: ${last.message}`);
}
