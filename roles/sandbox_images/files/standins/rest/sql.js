// Builds the statements. Identifiers are quoted, values are parameters; Postgres itself makes the JSON, so that types are right.
import pg from "pg";
import { RequestError } from "./errors.js";
import { listOf } from "./parse.js";

const id = (name) => pg.escapeIdentifier(name);
const literal = (text) => pg.escapeLiteral(text);
const SOURCE = id("@source"), CHANGED = id("@changed"), ARGS = id("@args"), VALUE = id("@value");
const SIGNS = { eq: "=", neq: "<>", gt: ">", gte: ">=", lt: "<", lte: "<=", like: "like", ilike: "ilike", match: "~", imatch: "~*",
  cs: "@>", cd: "<@", ov: "&&", sl: "<<", sr: ">>", nxr: "&<", nxl: "&>", adj: "-|-", isdistinct: "is distinct from" };
const SEARCHES = { fts: "to_tsquery", plfts: "plainto_tsquery", phfts: "phraseto_tsquery", wfts: "websearch_to_tsquery" };
const STATES = { null: "null", not_null: "not null", true: "true", false: "false", unknown: "unknown" };

/** One statement in the making: its parameters, and how far rows are limited. */
export class Statement {
  constructor(schema, maxRows) {
    this.schema = schema;
    this.maxRows = maxRows;
    this.values = [];
    this.aliases = 0;
  }

  value(value) {
    return `$${this.values.push(value)}`;
  }

  column(alias, { column, path }) {
    const base = `${alias}.${id(column)}`;
    if (path.length === 0) return base;
    const arrow = ({ key, text }) => `${text ? "->>" : "->"}${/^-?\d+$/.test(key) ? key : literal(key)}`;
    return `(to_jsonb(${base})${path.map(arrow).join("")})`;
  }

  condition(alias, filter, embeds) {
    const not = filter.negated ? "not " : "";
    if (filter.logic) return `${not}(${filter.parts.map((p) => this.condition(alias, p, embeds)).join(` ${filter.logic} `)})`;
    const embed = embeds.get(filter.field.column);
    if (embed && filter.operator === "is" && filter.value === "null") return `${filter.negated ? "" : "not "}${embed.exists()}`;
    return `${not}(${this.test(this.column(alias, filter.field), filter)})`;
  }

  test(column, { operator, modifier, value }) {
    if (operator === "in") return `${column} = any(${this.value(listOf(value))})`;
    if (operator === "is") {
      if (!Object.hasOwn(STATES, value.toLowerCase())) throw new RequestError(400, "PGRST100", `failed to parse filter (is.${value})`, "is takes null, not_null, true, false or unknown");
      return `${column} is ${STATES[value.toLowerCase()]}`;
    }
    if (SEARCHES[operator]) {
      const config = modifier ? `${this.value(modifier)}::regconfig, ` : "";
      return `${column} @@ ${SEARCHES[operator]}(${config}${this.value(value)})`;
    }
    const star = (text) => (operator === "like" || operator === "ilike" ? text.replaceAll("*", "%") : text);
    if (modifier === "any" || modifier === "all") return `${column} ${SIGNS[operator]} ${modifier}(${this.value(listOf(value).map(star))})`;
    if (modifier) throw new RequestError(400, "PGRST100", `failed to parse filter (${operator}(${modifier}))`, "the modifier must be any or all");
    return `${column} ${SIGNS[operator]} ${this.value(star(value))}`;
  }

  limits(node) {
    const limit = Math.min(node.limit ?? Infinity, this.maxRows);
    return `${limit === Infinity ? "" : ` limit ${limit}`}${node.offset ? ` offset ${node.offset}` : ""}`;
  }

  order(alias, node) {
    if (node.order.length === 0) return "";
    const by = node.order.map((o) => `${this.column(alias, o.field)} ${o.direction}${o.nulls ? ` nulls ${o.nulls}` : ""}`);
    return ` order by ${by.join(", ")}`;
  }

  /** `select ... from` with filters, order and embedded resources. `relation` may be null for a function without a known row type. */
  select(from, alias, relation, items, node, limited = true) {
    const embeds = new Map();
    const columns = items.map((item) => (item.embed ? this.embed(alias, relation, item, node, embeds) : this.item(alias, item)));
    for (const name of Object.keys(node.children)) {
      if (!embeds.has(name)) throw new RequestError(400, "PGRST108", `'${name}' is not an embedded resource in this request`, null, `Verify that '${name}' is included in the 'select' query parameter.`);
    }
    const conditions = node.filters.map((f) => this.condition(alias, f, embeds));
    for (const embed of embeds.values()) if (embed.inner) conditions.push(embed.exists());
    const tail = `from ${from}${conditions.length ? ` where ${conditions.join(" and ")}` : ""}`;
    return { tail, sql: `select ${columns.join(", ")} ${tail}${this.order(alias, node)}${limited ? this.limits(node) : ""}` };
  }

  item(alias, item) {
    if (item.star) return `${alias}.*`;
    const column = this.column(alias, item.field);
    // the type name was checked to consist of words only: a quoted "double precision" would not be a type
    const value = item.cast ? `cast(${column} as ${item.cast})` : column;
    return `${value} as ${id(item.alias ?? item.field.path.at(-1)?.key ?? item.field.column)}`;
  }

  embed(alias, relation, item, node, embeds) {
    const { target, hint, inner } = item.embed;
    if (!relation) throw new RequestError(400, "PGRST200", `Could not find a relationship of '${target}' in the schema cache`);
    const link = this.schema.relationship(relation, target, hint);
    const name = item.alias ?? target;
    const conditions = node.children[name] ?? node.children[target] ?? { filters: [], order: [], limit: null, offset: 0, children: {} };
    const theirs = id(`${target}_${(this.aliases += 1)}`);
    const join = link.pairs.map(([our, their]) => `${theirs}.${id(their)} = ${alias}.${id(our)}`).join(" and ");
    const from = `(select * from ${table(link.relation)} as ${theirs} where ${join}) as ${theirs}`;
    const inside = this.select(from, theirs, link.relation, item.items, conditions, link.kind === "many");
    const entry = { inner, exists: () => `exists (select ${inside.tail})` };
    embeds.set(name, entry).set(target, entry);
    if (link.kind === "one") return `(select row_to_json("@e") from (${inside.sql}) "@e" limit 1) as ${id(name)}`;
    return `coalesce((select json_agg("@e") from (${inside.sql}) "@e"), '[]') as ${id(name)}`;
  }

  /** Close the statement: rows as JSON text, their number and, when asked, the number without limit. */
  finish(heads, source, total) {
    const agg = source.scalar ? `json_agg(${VALUE})` : `json_agg(${SOURCE})`;
    const body = source.stripped ? `json_strip_nulls(coalesce(${agg}, '[]'))` : `coalesce(${agg}, '[]')`;
    const text = source.first ? `coalesce((${body}->0)::text, 'null')` : `(${body})::text`;
    const ctes = [...heads, `${SOURCE} as (${source.sql})`].join(", ");
    return `with ${ctes} select count(*)::int as rows, ${total ? `(${total})::int` : "null::int"} as total, ${text} as body from ${SOURCE}`;
  }

  read(relation, query, options) {
    const alias = id(relation.name);
    const { sql, tail } = this.select(`${table(relation)} as ${alias}`, alias, relation, query.select, query.root);
    return this.finish([], { sql, ...options }, options.count && `select count(*) ${tail}`);
  }

  /** `change` is the data-changing statement without its RETURNING. */
  changed(relation, change, query, options) {
    if (!options.representation) {
      return `with ${CHANGED} as (${change} returning 1) select count(*)::int as rows, count(*)::int as total, '' as body from ${CHANGED}`;
    }
    const alias = id(relation.name);
    const returned = this.returned(relation, query).map((c) => `${alias}.${c === "*" ? c : id(c)}`);
    const node = { ...query.root, filters: [] };
    const { sql } = this.select(`${CHANGED} as ${alias}`, alias, relation, query.select, node, false);
    return this.finish([`${CHANGED} as (${change} returning ${returned.join(", ")})`], { sql, ...options }, `select count(*) from ${CHANGED}`);
  }

  // Only what the answer needs: RETURNING a column asks for the right to read it.
  returned(relation, query) {
    const names = new Set(query.root.order.map((o) => o.field.column));
    for (const item of query.select) {
      if (item.star) return ["*"];
      if (item.embed) this.schema.relationship(relation, item.embed.target, item.embed.hint).pairs.forEach(([our]) => names.add(our));
      else names.add(item.field.column);
    }
    return names.size ? [...names] : ["*"];
  }

  columnsOf(relation, names) {
    return names.map((name) => {
      const column = Object.hasOwn(relation.columns, name) && relation.columns[name];
      if (!column) throw new RequestError(400, "PGRST204", `Could not find the '${name}' column of '${relation.name}' in the schema cache`);
      return { name, ...column };
    });
  }

  where(relation, query) {
    const alias = id(relation.name);
    const conditions = query.root.filters.map((f) => this.condition(alias, f, new Map()));
    return conditions.length ? ` where ${conditions.join(" and ")}` : "";
  }

  insert(relation, names, json, query, { resolution, fillDefaults }) {
    const columns = this.columnsOf(relation, names);
    const into = `insert into ${table(relation)} as ${id(relation.name)}`;
    const conflict = query.onConflict ?? relation.keys;
    let on = "";
    if (resolution && conflict.length) {
      this.columnsOf(relation, conflict);
      const set = names.map((n) => `${id(n)} = excluded.${id(n)}`).join(", ");
      const action = resolution === "merge-duplicates" && set ? `do update set ${set}` : "do nothing";
      on = ` on conflict (${conflict.map(id).join(", ")}) ${action}`;
    }
    if (columns.length === 0) return `${into} default values${on}`;
    let rows = `${this.value(json)}::json`;
    if (fillDefaults) {
      const defaults = columns.filter((c) => c.default).map((c) => `${literal(c.name)}, ${c.default}`);
      rows = `(select json_agg(jsonb_build_object(${defaults.join(", ")}) || e) from jsonb_array_elements(${rows}::jsonb) e)`;
    }
    const list = names.map(id).join(", ");
    return `${into} (${list}) select ${list} from json_to_recordset(${rows}) as ${ARGS} (${typed(columns)})${on}`;
  }

  update(relation, names, json, query) {
    const columns = this.columnsOf(relation, names);
    const set = names.map((n) => `${id(n)} = ${ARGS}.${id(n)}`).join(", ");
    return `update ${table(relation)} as ${id(relation.name)} set ${set} from json_to_record(${this.value(json)}::json) as ${ARGS} (${typed(columns)})${this.where(relation, query)}`;
  }

  remove(relation, query) {
    return `delete from ${table(relation)} as ${id(relation.name)}${this.where(relation, query)}`;
  }

  /** Call a function with named arguments from a JSON body, from the query string, or with the body as its only argument. */
  call(procedure, { json, args, single }, query, options) {
    const name = `${id(procedure.schema)}.${id(procedure.name)}`;
    const alias = id(procedure.name);
    let from;
    if (single) from = `${name}(${this.value(json)}::${procedure.arguments[0].type})`;
    else {
      const given = procedure.arguments.filter((a) => Object.hasOwn(args, a.name));
      const variadic = (a) => (procedure.variadic && a === procedure.arguments.at(-1) ? "variadic " : "");
      const value = (a) => (json === null ? `${this.value(args[a.name])}::${a.type}` : `${ARGS}.${id(a.name)}`);
      const record = json !== null && given.length ? `json_to_record(${this.value(json)}::json) as ${ARGS} (${typed(given)}), lateral ` : "";
      from = `${record}${name}(${given.map((a) => `${variadic(a)}${id(a.name)} := ${value(a)}`).join(", ")})`;
    }
    if (!procedure.composite) {
      return this.finish([], { sql: `select ${VALUE} from ${from} as ${alias}(${VALUE})`, ...options, scalar: true }, null);
    }
    const relation = this.schema.byOid.get(procedure.relation) ?? null;
    const { sql, tail } = this.select(`${CHANGED} as ${alias}`, alias, relation, query.select, query.root);
    return this.finish([`${CHANGED} as (select ${alias}.* from ${from} as ${alias})`], { sql, ...options }, options.count && `select count(*) ${tail}`);
  }
}

const table = (relation) => `${id(relation.schema)}.${id(relation.name)}`;
// type names come from format_type, already quoted where needed
const typed = (columns) => columns.map((c) => `${id(c.name)} ${c.type}`).join(", ");
