// Reads the query-string language of the REST API: select lists, filters, logic trees, ordering.
import { RequestError } from "./errors.js";

const OPERATORS = new Set(["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "in", "is",
  "isdistinct", "fts", "plfts", "phfts", "wfts", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"]);
const RESERVED = new Set(["select", "order", "limit", "offset", "columns", "on_conflict"]);

const fail = (message, details = null) => { throw new RequestError(400, "PGRST100", message, details); };

/** Split at commas (or another mark) that stand outside parentheses, braces and double quotes. */
export function split(text, mark = ",") {
  const parts = [];
  let depth = 0, quoted = false, start = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === "\\" && quoted) i += 1;
    else if (c === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (c === "(" || c === "{") depth += 1;
    else if (c === ")" || c === "}") depth -= 1;
    else if (c === mark && depth === 0) { parts.push(text.slice(start, i)); start = i + 1; }
  }
  if (depth !== 0 || quoted) fail(`failed to parse "${text}"`, "unbalanced parenthesis or quote");
  parts.push(text.slice(start));
  return parts;
}

const unquote = (text) => (/^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, "$1") : text);

/** `data->a->>b` becomes {column: 'data', path: [{key: 'a'}, {key: 'b', text: true}]}. */
export function field(text) {
  const pieces = text.trim().split(/(->>?)/);
  const path = [];
  for (let i = 1; i < pieces.length; i += 2) {
    if (!pieces[i + 1]) fail(`failed to parse "${text}"`, "a JSON path needs a key after its arrow");
    path.push({ key: unquote(pieces[i + 1]), text: pieces[i] === "->>" });
  }
  if (!pieces[0]) fail(`failed to parse "${text}"`, "a column name is missing");
  return { column: unquote(pieces[0]), path };
}

/** Read a select list into items: {star} | {field, cast, alias} | {embed: {target, hint, inner}, alias, items}. */
export function parseSelect(text) {
  if (text.trim() === "") return [];
  return split(text).map((raw) => {
    let item = raw.trim();
    if (item === "*") return { star: true };
    let alias = null;
    const named = /^("(?:[^"\\]|\\.)*"|[^:"()]+):(?!:)(.+)$/s.exec(item);
    if (named) { alias = unquote(named[1]); item = named[2]; }
    const embedded = /^([^()]+)\((.*)\)$/s.exec(item);
    if (embedded && embedded[2] === "" ? embedded[1] !== "count" && !embedded[1].endsWith(".count") : embedded) {
      if (embedded[1].startsWith("...")) fail(`failed to parse select parameter (${text})`, "spreading an embedded resource is not supported here");
      const [target, ...marks] = embedded[1].split("!");
      const hint = marks.find((m) => m !== "inner" && m !== "left") ?? null;
      return { embed: { target: unquote(target), hint, inner: marks.includes("inner") }, alias, items: parseSelect(embedded[2]) };
    }
    if (embedded) fail(`failed to parse select parameter (${text})`, "aggregate functions are not enabled");
    const [name, cast = null] = item.split("::");
    if (cast !== null && !/^[A-Za-z_][\w ]*(\[\])?$/.test(cast)) fail(`failed to parse select parameter (${text})`, `"${cast}" is not a type name`);
    return { field: field(name), cast, alias };
  });
}

function parseTest(text, whole) {
  let rest = text;
  const negated = rest.startsWith("not.");
  if (negated) rest = rest.slice(4);
  const match = /^([a-z]+)(?:\(([^)]*)\))?\.(.*)$/s.exec(rest);
  if (!match || !OPERATORS.has(match[1])) fail(`"failed to parse filter (${whole})" (line 1, column 1)`, `unexpected "${text.slice(0, 20)}" expecting operator (eq, gt, ...)`);
  const [, operator, modifier, value] = match;
  if (operator === "in" && !/^\(.*\)$/s.test(value)) fail(`failed to parse filter (${whole})`, 'the list of "in" stands in parentheses');
  return { negated, operator, modifier: modifier ?? null, value };
}

/** Members of `(a,"b,c")` or `{a,b}`, with quotes taken off. */
export const listOf = (text) => (text.slice(1, -1) === "" ? [] : split(text.slice(1, -1)).map(unquote));

function parseLogic(operator, negated, text) {
  if (!/^\(.*\)$/s.test(text)) fail(`failed to parse logic tree (${text})`, "conditions stand in parentheses");
  const parts = split(text.slice(1, -1)).map((raw) => {
    const part = raw.trim();
    const nested = /^(not\.)?(and|or)(\(.*\))$/s.exec(part);
    if (nested) return parseLogic(nested[2], Boolean(nested[1]), nested[3]);
    const match = /^((?:"(?:[^"\\]|\\.)*"|[^".])+)\.(.*)$/s.exec(part);
    if (!match) fail(`failed to parse logic tree (${text})`, `"${part}" is not a condition`);
    const test = parseTest(match[2], part);
    // Inside a logic tree a value may be quoted to protect commas; elsewhere quotes belong to the value.
    return { field: field(match[1]), ...test, value: test.operator === "in" ? test.value : unquote(test.value) };
  });
  return { logic: operator, negated, parts };
}

function parseOrder(text) {
  return split(text).map((raw) => {
    const match = /^(.+?)(?:\.(asc|desc))?(?:\.nulls(first|last))?$/s.exec(raw.trim());
    if (!match) fail(`failed to parse order (${text})`);
    if (match[1].includes("(")) fail(`failed to parse order (${text})`, "ordering by an embedded resource is not supported here");
    return { field: field(match[1]), direction: match[2] ?? "asc", nulls: match[3] ?? null };
  });
}

function wholeNumber(name, text) {
  if (!/^\d+$/.test(text)) fail(`failed to parse ${name} (${text})`, `${name} must be a whole number of zero or more`);
  return Number(text);
}

// names come from the query string: without a prototype, `__proto__` is a name like any other
const newNode = () => ({ filters: [], order: [], limit: null, offset: 0, children: Object.create(null) });

/**
 * Read a whole query string. Answers {select, columns, onConflict, root, args}: `root` holds the conditions of the
 * table itself and, under `children`, those of its embedded resources; `args` the raw pairs for a function call.
 */
export function parseQuery(params, parameterNames = new Set()) {
  const root = newNode();
  const result = { select: [{ star: true }], columns: null, onConflict: null, root, args: {} };
  for (const [key, value] of params) {
    if (key === "select") { result.select = parseSelect(value); continue; }
    if (key === "columns") { result.columns = split(value).map((c) => unquote(c.trim())); continue; }
    if (key === "on_conflict") { result.onConflict = split(value).map((c) => unquote(c.trim())); continue; }
    if (key === "apikey") continue;
    if (parameterNames.has(key)) { result.args[key] = value; continue; }
    const steps = split(key, ".");
    const negated = steps.length > 1 && steps.at(-2) === "not";
    const last = steps.pop();
    if (negated) steps.pop();
    const node = steps.reduce((at, step) => (at.children[unquote(step)] ??= newNode()), root);
    if (last === "and" || last === "or") node.filters.push(parseLogic(last, negated, value));
    else if (last === "order") node.order = parseOrder(value);
    else if (last === "limit") node.limit = wholeNumber("limit", value);
    else if (last === "offset") node.offset = wholeNumber("offset", value);
    else if (RESERVED.has(last)) fail(`failed to parse query (${key})`);
    else node.filters.push({ field: field(last), ...parseTest(value, value) });
  }
  return result;
}
