// The one page: what the project is, whether its services answer, what is in its database.

const escape = (value) => String(value ?? "").replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
const row = (cells) => `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`;
const table = (heads, rows) => `<table><tr>${heads.map((head) => `<th>${escape(head)}</th>`).join("")}</tr>${rows.map(row).join("")}</table>`;

/** HTML of the project page; every value in it is escaped. */
export function projectPage({ name, organization, publicUrl, schemas, services, database, tables, problem }) {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(name)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}code{background:#f3f3f3;padding:.1rem .3rem}</style></head>
<body><p>${escape(organization)}</p><h1>${escape(name)}</h1>
<p>API address <code>${escape(publicUrl)}</code>, exposed schemas <code>${escape(schemas)}</code></p>
<h2>Services</h2>${table(["service", "state"], services)}
<h2>Database</h2><p>${problem ? `Not reachable: ${escape(problem)}` : escape(database)}</p>
${tables.length ? table(["table", "rows (estimated)", "row level security"], tables) : "<p>No tables in the schema public yet.</p>"}
<p>This page is the sandbox flavour's stand-in for Studio.</p></body></html>`;
}
