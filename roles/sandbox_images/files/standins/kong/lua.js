// Lua in the declarative file is evaluated by a Lua interpreter, never matched as text.
import fengari from "fengari";

const { lua, lauxlib, lualib, to_luastring: bytes, to_jsstring: string } = fengari;
const state = lauxlib.luaL_newstate();
lualib.luaL_openlibs(state);

function failure() {
  const message = string(lua.lua_tolstring(state, -1) ?? bytes("unknown error"));
  lua.lua_settop(state, 0);
  return new Error(`Lua: ${message}`);
}

/** Keeps a compiled chunk alive in the registry and returns its number. */
function compile(source, name) {
  if (lauxlib.luaL_loadbuffer(state, bytes(source), null, bytes(`=${name}`)) !== lua.LUA_OK) throw failure();
  return lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX);
}

function push(value) {
  if (value === undefined || value === null) lua.lua_pushnil(state);
  else if (typeof value === "boolean") lua.lua_pushboolean(state, value);
  else if (typeof value === "number") lua.lua_pushnumber(state, value);
  else if (typeof value === "string") lua.lua_pushstring(state, bytes(value));
  else if (typeof value === "function") {
    lua.lua_pushcfunction(state, () => {
      const given = [];
      for (let index = 1; index <= lua.lua_gettop(state); index += 1) given.push(read(index));
      push(value(...given));
      return 1;
    });
  } else {
    lua.lua_newtable(state);
    for (const [name, one] of Object.entries(value)) {
      lua.lua_pushstring(state, bytes(name));
      push(one);
      lua.lua_rawset(state, -3);
    }
  }
}

function read(index) {
  if (lua.lua_isnoneornil(state, index)) return undefined;
  if (lua.lua_isboolean(state, index)) return Boolean(lua.lua_toboolean(state, index));
  const value = lua.lua_tolstring(state, index);
  return value === null ? undefined : string(value);
}

function call(reference, values) {
  lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, reference);
  for (const value of values) push(value);
  if (lua.lua_pcall(state, values.length, 1, 0) !== lua.LUA_OK) throw failure();
  const result = read(-1);
  lua.lua_settop(state, 0);
  return result;
}

/** The end of the `$(` expression that starts at `from`: parentheses count, those in Lua strings do not. */
function closing(source, from) {
  let depth = 1;
  let quote = null;
  for (let index = from; index < source.length; index += 1) {
    const character = source[index];
    if (quote) {
      if (character === "\\") index += 1;
      else if (character === quote) quote = null;
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "(") depth += 1;
    else if (character === ")" && (depth -= 1) === 0) return index;
  }
  throw new Error(`"${source}" has a $( without its )`);
}

/** A function ({headers, query_params}) -> text for a value with `$(expression)` in it; nil becomes the empty text. */
export function compileTemplate(source) {
  const parts = [];
  let position = 0;
  for (let start = source.indexOf("$("); start !== -1; start = source.indexOf("$(", position)) {
    const end = closing(source, start + 2);
    const code = `local headers, query_params = ...; return (${source.slice(start + 2, end)})`;
    parts.push(source.slice(position, start), compile(code, "template"));
    position = end + 1;
  }
  parts.push(source.slice(position));
  return ({ headers, query_params }) => parts.map((part) => (typeof part === "string" ? part : (call(part, [headers, query_params]) ?? ""))).join("");
}

/** A function (kong) -> void that runs the chunk with `kong` as a global of its own. */
export function compileFunction(source) {
  // the chunk may, as in the real plugin, return a function: that one is then called for each request
  const reference = compile(`local kong = ...; local run = (function(...) ${source}\nend)(...); if type(run) == "function" then run() end`, "post-function");
  return (kong) => call(reference, [kong]);
}
