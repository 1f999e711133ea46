// The root document: the relations and functions that the caller's role may use, as OpenAPI 2.

const GRANTED = `
  select n.nspname as schema, c.relname as name,
         has_any_column_privilege(c.oid, 'select') as get, has_any_column_privilege(c.oid, 'insert') as post,
         has_any_column_privilege(c.oid, 'update') as patch, has_table_privilege(c.oid, 'delete') as delete
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and has_schema_privilege(n.oid, 'usage')`;

const EXECUTABLE = `
  select distinct p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = $1 and has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute')`;

const responses = { 200: { description: "OK" } };

/** Built inside the caller's transaction, so that the privileges are those of its role. */
export async function openapi(client, schema, schemaName) {
  const granted = new Map((await client.query(GRANTED, [schemaName])).rows.map((r) => [r.name, r]));
  const executable = new Set((await client.query(EXECUTABLE, [schemaName])).rows.map((r) => r.name));
  const paths = { "/": { get: { summary: "OpenAPI description (this document)", produces: ["application/json"], responses } } };
  const definitions = {};
  for (const relation of schema.relations.filter((r) => r.schema === schemaName)) {
    const methods = ["get", "post", "patch", "delete"].filter((m) => granted.get(relation.name)?.[m] && (m === "get" || !relation.view));
    if (methods.length === 0) continue;
    paths[`/${relation.name}`] = Object.fromEntries(methods.map((m) => [m, { tags: [relation.name], summary: relation.description ?? undefined, responses }]));
    const columns = Object.entries(relation.columns);
    definitions[relation.name] = {
      type: "object",
      description: relation.description ?? undefined,
      required: columns.filter(([, c]) => c.required).map(([name]) => name),
      properties: Object.fromEntries(columns.map(([name, c]) => [name, { format: c.type, default: c.default ?? undefined }])),
    };
  }
  for (const procedure of schema.functions.filter((f) => f.schema === schemaName && executable.has(f.name))) {
    paths[`/rpc/${procedure.name}`] = { post: { tags: [`(rpc) ${procedure.name}`], summary: procedure.description ?? undefined, responses } };
  }
  return { swagger: "2.0", info: { title: "REST API of the project", version: "sandbox" }, basePath: "/", paths, definitions };
}
