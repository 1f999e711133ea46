// HS256 tokens. The secret's text itself is the key: it is never decoded from base64.
import { createHmac, timingSafeEqual } from "node:crypto";

/** A token that must not be accepted; `message` says why. */
export class TokenError extends Error {}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function decode(part) {
  try {
    const value = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (value !== null && typeof value === "object") return value;
  } catch {
    // falls through to the one error below
  }
  throw new TokenError("token is malformed");
}

const signature = (text, secret) => createHmac("sha256", secret).update(text).digest();

export function signToken(claims, secret) {
  const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${text}.${signature(text, secret).toString("base64url")}`;
}

/** The claims of a valid token; throws TokenError when it is malformed, forged, of another algorithm, expired or not yet valid. */
export function verifyToken(token, secret, { now = Date.now() / 1000 } = {}) {
  const parts = String(token).split(".");
  if (parts.length !== 3) throw new TokenError("token is malformed");
  if (decode(parts[0]).alg !== "HS256") throw new TokenError("token is not signed with HS256");
  const expected = signature(`${parts[0]}.${parts[1]}`, secret);
  const given = Buffer.from(parts[2], "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new TokenError("token signature is invalid");
  const claims = decode(parts[1]);
  if (claims.exp !== undefined && !(Number(claims.exp) > now)) throw new TokenError("token is expired");
  if (claims.nbf !== undefined && Number(claims.nbf) > now + 30) throw new TokenError("token is not valid yet");
  return claims;
}
