// User administration for tokens of an admin role (service_role).
import { transaction } from "../shared/database.js";
import { sendJson } from "../shared/http.js";
import { AuthError } from "./errors.js";
import { createUser, findUser, present, updateUser } from "./store.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UNITS = { s: 1, m: 60, h: 3600 };

function bannedUntil(duration) {
  if (duration === undefined || duration === null) return undefined;
  if (duration === "none") return null;
  const parts = /^(\d+[hms])+$/.test(duration) ? duration.match(/\d+[hms]/g) : null;
  if (!parts) throw new AuthError(400, "validation_failed", "invalid format for ban duration: use none or a duration such as 24h or 1h30m");
  return new Date(Date.now() + 1000 * parts.reduce((sum, p) => sum + parseInt(p, 10) * UNITS[p.at(-1)], 0));
}

async function requireUser(client, id) {
  if (!UUID.test(id)) throw new AuthError(404, "validation_failed", "user_id must be an UUID");
  const user = await findUser(client, "id", id);
  if (!user) throw new AuthError(404, "user_not_found", "User not found");
  return user;
}

function fieldsOf(body) {
  if (body.phone) throw new AuthError(422, "phone_provider_disabled", "This sandbox has no phone sign-in: leave phone out");
  for (const name of ["email", "password", "role", "ban_duration"]) {
    if (body[name] !== undefined && body[name] !== null && typeof body[name] !== "string") throw new AuthError(400, "validation_failed", `${name} must be a text`);
  }
  return {
    email: body.email || undefined, password: body.password || undefined, confirmed: body.email_confirm, role: body.role || undefined,
    userMetadata: body.user_metadata, appMetadata: body.app_metadata, bannedUntil: bannedUntil(body.ban_duration),
  };
}

async function requireFree(client, email) {
  if (email && (await findUser(client, "email", email))) {
    throw new AuthError(422, "email_exists", "A user with this email address has already been registered");
  }
}

/** `json` reads a request's body as an object; `requireAdmin` throws unless its token has an admin role. */
export function addAdminRoutes(app, { pool, config, json, requireAdmin }) {
  app.on("GET", "/admin/users", async ({ request, response, query }) => {
    requireAdmin(request);
    const page = Math.max(1, Number(query.get("page")) || 1);
    const size = Math.min(1000, Math.max(1, Number(query.get("per_page")) || 50));
    const total = Number((await pool.query("select count(*) from auth.users where deleted_at is null")).rows[0].count);
    const { rows } = await pool.query("select * from auth.users where deleted_at is null order by created_at desc, id limit $1 offset $2", [size, (page - 1) * size]);
    const users = [];
    for (const user of rows) users.push(await present(pool, user));
    const last = Math.max(1, Math.ceil(total / size));
    const link = (to, rel) => `</admin/users?page=${to}&per_page=${size}>; rel="${rel}"`;
    const links = [...(page < last ? [link(page + 1, "next")] : []), link(last, "last")].join(", ");
    sendJson(response, 200, { users, aud: config.audience }, { "x-total-count": String(total), link: links });
  });

  app.on("POST", "/admin/users", async ({ request }) => {
    requireAdmin(request);
    const body = await json(request);
    const fields = fieldsOf(body);
    if (!fields.email) throw new AuthError(400, "validation_failed", "Cannot create a user without an email");
    if (body.id && !UUID.test(body.id)) throw new AuthError(400, "validation_failed", "id must be an UUID");
    return transaction(pool, async (client) => {
      await requireFree(client, fields.email);
      const user = await createUser(client, config, { ...fields, id: body.id });
      return present(client, fields.bannedUntil ? await updateUser(client, user, { bannedUntil: fields.bannedUntil }) : user);
    });
  });

  app.on("GET", "/admin/users/:id", async ({ request, params }) => {
    requireAdmin(request);
    return present(pool, await requireUser(pool, params.id));
  });

  app.on("PUT", "/admin/users/:id", async ({ request, params }) => {
    requireAdmin(request);
    const fields = fieldsOf(await json(request));
    return transaction(pool, async (client) => {
      const user = await requireUser(client, params.id);
      if (fields.email && fields.email.toLowerCase() !== user.email) await requireFree(client, fields.email);
      return present(client, await updateUser(client, user, fields));
    });
  });

  app.on("DELETE", "/admin/users/:id", async ({ request, params }) => {
    requireAdmin(request);
    const body = await json(request);
    if (body.should_soft_delete) throw new AuthError(422, "validation_failed", "This sandbox has no soft deletion: leave should_soft_delete out");
    return transaction(pool, async (client) => {
      const user = await requireUser(client, params.id);
      const shown = await present(client, user);
      await client.query("delete from auth.refresh_tokens where user_id = $1", [user.id]);
      await client.query("delete from auth.users where id = $1", [user.id]);
      return shown;
    });
  });
}
