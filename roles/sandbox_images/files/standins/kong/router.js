// Which route takes a request: the first that matches, expressions before prefixes, longer prefixes before shorter ones.

const COMPARISON = /^\s*(http\.path|http\.method)\s*(==|\^=)\s*"((?:[^"\\]|\\.)*)"\s*$/;

/** A matcher for the part of the expression language that is about path and method, joined by `&&`. */
export function compileExpression(source) {
  const tests = source.split("&&").map((part) => {
    const match = COMPARISON.exec(part);
    if (!match) throw new Error(`"${part.trim()}" is not known here: use http.path or http.method with == or ^=`);
    return { field: match[1], operator: match[2], value: JSON.parse(`"${match[3]}"`) };
  });
  return (pathname, method) => {
    let prefix = "";
    for (const { field, operator, value } of tests) {
      const actual = field === "http.path" ? pathname : method;
      if (operator === "==" ? actual !== value : !actual.startsWith(value)) return null;
      if (field === "http.path") prefix = value;
    }
    return prefix;
  };
}

/** {route, prefix} of the request, or null; `prefix` is the part of the path that the route matched. */
export function findRoute(routes, pathname, method) {
  for (const route of routes) {
    if (route.methods && !route.methods.has(method)) continue;
    const prefix = route.match(pathname, method);
    if (prefix !== null) return { route, prefix };
  }
  return null;
}

/** The upstream's path: the service's own path, then what the route did not strip. */
export function upstreamPath(route, prefix, pathname) {
  const rest = route.stripPath ? pathname.slice(prefix.length) : pathname;
  const base = route.service.path;
  if (rest === "") return base;
  return `${base.replace(/\/$/, "")}/${rest.replace(/^\//, "")}`;
}
