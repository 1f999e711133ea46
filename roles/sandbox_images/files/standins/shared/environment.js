// Reads a service's environment and refuses what the official image would refuse.
import { readFileSync } from "node:fs";
import { fail } from "./process.js";

function offence(name, value, rule) {
  if (value === undefined || value === "") {
    if (rule.default !== undefined || rule.optional) return null;
    const length = rule.exact ? ` (exactly ${rule.exact} bytes)` : rule.min ? ` (at least ${rule.min} characters)` : "";
    return `${name} is missing: it must be set${length}`;
  }
  const size = Buffer.byteLength(value);
  if (rule.exact && size !== rule.exact) return `${name} has ${size} bytes: it must have exactly ${rule.exact}`;
  if (rule.min && size < rule.min) return `${name} has ${size} characters: it must have at least ${rule.min}`;
  if (rule.allowed && !rule.allowed.includes(value)) return `${name} is not allowed: it must be one of ${rule.allowed.join(", ")}`;
  if (rule.integer && !/^-?\d+$/.test(value)) return `${name} is not a whole number`;
  if (rule.boolean && !["true", "false"].includes(value)) return `${name} must be "true" or "false" in lower case`;
  if (rule.url && !URL.canParse(value)) return `${name} is not an absolute URL`;
  if (rule.differsFrom && value === process.env[rule.differsFrom]) return `${name} must differ from ${rule.differsFrom}`;
  return null;
}

function parsed(value, rule) {
  const text = value === undefined || value === "" ? rule.default : value;
  if (text === undefined) return undefined;
  if (rule.integer) return Number(text);
  if (rule.boolean) return String(text) === "true";
  return text;
}

/**
 * The values of `rules` by name; ends the program with one sentence that names the first variable at fault.
 *
 * A rule may hold: default, optional, min (characters), exact (bytes), allowed (list), integer, boolean, url,
 * differsFrom (another name), file (true: `<NAME>_FILE` may name a file that holds the value).
 * Without `default` and `optional` the variable is required. An empty value counts as missing.
 */
export function readEnvironment(service, rules) {
  const values = {};
  for (const [name, rule] of Object.entries(rules)) {
    let value = process.env[name];
    const path = process.env[`${name}_FILE`];
    if (rule.file && !value && path) {
      try {
        value = readFileSync(path, "utf8").trimEnd();
      } catch {
        fail(service, `${name}_FILE names ${path}, which cannot be read`);
      }
    }
    const reason = offence(name, value, rule);
    if (reason) fail(service, reason);
    values[name] = parsed(value, rule);
  }
  return values;
}
