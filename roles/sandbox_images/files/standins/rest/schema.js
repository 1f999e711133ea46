// What the exposed schemas hold: relations, foreign keys, functions. Reloaded when the database says so.
import pg from "pg";
import { log } from "../shared/process.js";
import { RequestError } from "./errors.js";

// An empty search path makes format_type and pg_get_expr answer with schema-qualified names.
const PREPARE = "set local search_path to ''";

const RELATIONS = `
  select c.oid::int8::text as oid, n.nspname as schema, c.relname as name, obj_description(c.oid, 'pg_class') as description,
         c.relkind in ('v', 'm') as view,
         coalesce((select array_agg(a.attname::text order by k.ord) from pg_constraint p
           cross join lateral unnest(p.conkey) with ordinality k(num, ord)
           join pg_attribute a on a.attrelid = c.oid and a.attnum = k.num
           where p.conrelid = c.oid and p.contype = 'p'), '{}') as keys,
         coalesce((select json_object_agg(a.attname, json_build_object('type', format_type(a.atttypid, a.atttypmod),
             'required', a.attnotnull and not a.atthasdef and a.attidentity = '',
             'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end) order by a.attnum)
           from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '{}') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any($1) and c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition`;

const FOREIGN_KEYS = `
  select f.conname as name, f.conrelid::int8::text as source, f.confrelid::int8::text as target,
         array(select a.attname::text from unnest(f.conkey) with ordinality k(num, ord)
           join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.num order by k.ord) as columns,
         array(select a.attname::text from unnest(f.confkey) with ordinality k(num, ord)
           join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.num order by k.ord) as referenced,
         exists (select from pg_constraint u where u.conrelid = f.conrelid and u.contype in ('p', 'u')
           and u.conkey @> f.conkey and u.conkey <@ f.conkey) as unique
  from pg_constraint f where f.contype = 'f' and f.conparentid = 0`;

// proargtypes covers the input arguments only, in the order of their names among the 'i', 'b' and 'v' modes.
const FUNCTIONS = `
  select n.nspname as schema, p.proname as name, p.proretset as set, p.provolatile as volatility, p.pronargdefaults as defaults,
         obj_description(p.oid, 'pg_proc') as description, t.typname = 'void' as void, p.provariadic <> 0 as variadic,
         (t.typtype = 'c' or coalesce(p.proargmodes::text[] && '{t,b,o}', false) or t.typname = 'record') as composite,
         t.typrelid::int8::text as relation,
         coalesce((select json_agg(json_build_object('name', coalesce((array(select p.proargnames[i]
               from generate_subscripts(p.proargnames, 1) i
               where p.proargmodes is null or p.proargmodes[i] in ('i', 'b', 'v')))[k.ord], ''),
             'type', format_type(k.type, null)) order by k.ord)
           from unnest(p.proargtypes) with ordinality k(type, ord)), '[]') as arguments
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_type t on t.oid = p.prorettype
  where n.nspname = any($1) and p.prokind = 'f' and t.typname not in ('trigger', 'event_trigger')`;

const ROLE_TIMEOUTS = `
  select r.rolname as role, substr(setting, 19) as timeout
  from pg_auth_members m join pg_roles u on u.oid = m.member join pg_roles r on r.oid = m.roleid,
       unnest(r.rolconfig) setting
  where u.rolname = current_user and setting like 'statement_timeout=%'`;

/** Read the catalogue for `schemas` over one client of the pool. */
export async function loadSchema(pool, schemas) {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query("begin read only");
    await client.query(PREPARE);
    const relations = (await client.query(RELATIONS, [schemas])).rows;
    const keys = (await client.query(FOREIGN_KEYS)).rows;
    const functions = (await client.query(FUNCTIONS, [schemas])).rows;
    const timeouts = (await client.query(ROLE_TIMEOUTS)).rows;
    await client.query("commit");
    return new Schema(relations, keys, functions, timeouts);
  } catch (error) {
    broken = true;
    throw error;
  } finally {
    client.release(broken);
  }
}

class Schema {
  constructor(relations, keys, functions, timeouts) {
    this.relations = relations;
    this.functions = functions;
    this.byOid = new Map(relations.map((r) => [r.oid, r]));
    this.byName = new Map(relations.map((r) => [`${r.schema}\0${r.name}`, r]));
    this.keys = keys.filter((k) => this.byOid.has(k.source) && this.byOid.has(k.target));
    this.timeouts = new Map(timeouts.map((t) => [t.role, t.timeout]));
  }

  relation(schema, name) {
    const found = this.byName.get(`${schema}\0${name}`);
    if (!found) throw new RequestError(404, "PGRST205", `Could not find the table '${schema}.${name}' in the schema cache`);
    return found;
  }

  /** How `relation` reaches the resource called `target`: {kind: 'one' | 'many', relation, pairs: [[ours, theirs]]}. */
  relationship(relation, target, hint) {
    const found = [];
    for (const key of this.keys) {
      const named = (other) => target === other.name || target === key.name || (key.columns.length === 1 && target === key.columns[0]);
      const hinted = hint === null || hint === key.name || (key.columns.length === 1 && hint === key.columns[0]);
      if (!hinted) continue;
      if (key.source === relation.oid && named(this.byOid.get(key.target))) {
        const pairs = key.columns.map((column, i) => [column, key.referenced[i]]);
        found.push({ kind: "one", relation: this.byOid.get(key.target), pairs, key });
      }
      if (key.target === relation.oid && (target === this.byOid.get(key.source).name || target === key.name)) {
        const pairs = key.columns.map((column, i) => [key.referenced[i], column]);
        found.push({ kind: key.unique ? "one" : "many", relation: this.byOid.get(key.source), pairs, key });
      }
    }
    if (found.length === 1) return found[0];
    const between = `'${relation.name}' and '${target}'`;
    if (found.length === 0) {
      throw new RequestError(400, "PGRST200", `Could not find a relationship between ${between} in the schema cache`,
        `Searched for a foreign key relationship between ${between} in the schema '${relation.schema}', but no matches were found.`);
    }
    const names = found.map((f) => `${target}!${f.key.name}`).join("', '");
    throw new RequestError(300, "PGRST201", `Could not embed because more than one relationship was found for ${between}`,
      found.map((f) => ({ relationship: f.key.name, cardinality: f.kind })), `Try changing '${target}' to one of the following: '${names}'.`);
  }

  /** The function that accepts exactly these argument names; `single` when it takes the whole body as one argument. */
  procedure(schema, name, given, isBody) {
    const candidates = this.functions.filter((f) => f.schema === schema && f.name === name);
    const fitting = candidates.filter((f) => {
      const names = f.arguments.map((a) => a.name);
      const required = names.slice(0, names.length - f.defaults);
      return given.every((n) => names.includes(n)) && required.every((n) => given.includes(n));
    });
    if (fitting.length === 1) return { procedure: fitting[0], single: false };
    const whole = candidates.find((f) => f.arguments.length === 1 && f.arguments[0].name === "" && /^jsonb?$/.test(f.arguments[0].type));
    if (fitting.length === 0 && whole && isBody) return { procedure: whole, single: true };
    const signature = `${schema}.${name}${given.length ? `(${given.join(", ")})` : " without parameters"}`;
    if (fitting.length === 0) {
      throw new RequestError(404, "PGRST202", `Could not find the function ${signature} in the schema cache`,
        "Searched for a function with these parameters, but no matches were found in the schema cache.");
    }
    throw new RequestError(300, "PGRST203", `Could not choose the best candidate function between the overloads of ${signature}`, null,
      "Try renaming the parameters or the function itself in the database so function overloading can be resolved");
  }
}

/** Call `reload` whenever the database notifies the channel; also after each reconnection, as news may have been missed. */
export function watchSchema(uri, channel, reload) {
  let stopped = false, client = null, pending = null;
  const soon = () => { pending ??= setTimeout(() => { pending = null; reload(); }, 100); };
  const connect = async () => {
    if (stopped) return;
    client = new pg.Client({ connectionString: uri, connectionTimeoutMillis: 3000, keepAlive: true });
    const mine = client;
    let ended = false;
    const again = () => { if (!ended) { ended = true; mine.end().catch(() => {}); setTimeout(connect, 1000).unref(); } };
    client.on("error", again).on("end", again);
    client.on("notification", soon);
    try {
      await client.connect();
      await client.query(`listen "${channel.replaceAll('"', '""')}"`);
      soon();
    } catch (error) {
      log("warning", `cannot listen for schema changes: ${error.message}`);
      again();
    }
  };
  connect();
  return () => { stopped = true; clearTimeout(pending); client?.end().catch(() => {}); };
}
