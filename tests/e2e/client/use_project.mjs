// Uses one project through its gateway as an application does, and prints what happened as one JSON object.
// Environment: PROJECT_URL, ANON_KEY, SERVICE_ROLE_KEY. Everything it makes carries a random suffix.
import { createClient } from "@supabase/supabase-js";
import WebSocket from "ws";

const { PROJECT_URL, ANON_KEY, SERVICE_ROLE_KEY } = process.env;
const suffix = Math.random().toString(36).slice(2, 10);
const options = { auth: { persistSession: false, autoRefreshToken: false }, realtime: { transport: WebSocket } };
const newClient = (key) => createClient(PROJECT_URL, key, options);
const results = {};

function must({ data, error }, what) {
  if (error) throw new Error(`${what}: ${error.message ?? JSON.stringify(error)}`);
  return data;
}

async function sql(query, key = SERVICE_ROLE_KEY) {
  const response = await fetch(`${PROJECT_URL}/pg/query`, {
    method: "POST",
    headers: { apikey: key, Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, body: await response.json().catch(() => null) };
}

async function signUp(name) {
  const client = newClient(ANON_KEY);
  const email = `${name}-${suffix}@example.com`;
  const password = `password-${suffix}`;
  must(await client.auth.signUp({ email, password }), "sign up");
  await client.auth.signOut();
  const session = must(await client.auth.signInWithPassword({ email, password }), "sign in");
  return { client, id: session.user.id };
}

async function rowLevelSecurity(alice, bob) {
  const table = `notes_${suffix}`;
  const created = await sql(`
    create table public.${table} (id bigserial primary key, owner uuid not null default auth.uid(), body text);
    alter table public.${table} enable row level security;
    grant all on public.${table} to anon, authenticated, service_role;
    grant usage on sequence public.${table}_id_seq to anon, authenticated, service_role;
    create policy own on public.${table} using (owner = auth.uid()) with check (owner = auth.uid());
    notify pgrst, 'reload schema';`);
  if (created.status !== 200) throw new Error(`create table: ${JSON.stringify(created.body)}`);
  let inserted;
  for (let attempt = 0; attempt < 40; attempt += 1) {
    inserted = await alice.client.from(table).insert({ body: "hello" }).select();
    if (!inserted.error) break;
    await new Promise((resolve) => setTimeout(resolve, 250)); // the schema cache is being read again
  }
  must(inserted, "insert");
  results.own_rows = must(await alice.client.from(table).select("body"), "select").length;
  results.rows_of_others = must(await bob.client.from(table).select("body"), "select").length;
  results.rows_for_service = must(await newClient(SERVICE_ROLE_KEY).from(table).select("body"), "select").length;
}

async function storage(alice) {
  const bucket = `bucket-${suffix}`;
  must(await newClient(SERVICE_ROLE_KEY).storage.createBucket(bucket, { public: false }), "create bucket");
  await sql(`
    create policy "upload ${suffix}" on storage.objects for all to authenticated
    using (bucket_id = '${bucket}') with check (bucket_id = '${bucket}');`);
  must(await alice.client.storage.from(bucket).upload("a/hello.txt", new Blob(["contents"])), "upload");
  const file = must(await alice.client.storage.from(bucket).download("a/hello.txt"), "download");
  results.downloaded = await file.text();
  results.anonymous_download = (await newClient(ANON_KEY).storage.from(bucket).download("a/hello.txt")).error !== null;
}

async function functions(alice) {
  const { data, error } = await alice.client.functions.invoke("hello", { body: { name: "Supafleet" } });
  results.function = error ? { error: error.message } : data;
}

async function broadcast(alice, bob) {
  const [sender, receiver] = [alice, bob].map(({ client }) => client.channel(`room-${suffix}`));
  const joined = (channel) =>
    new Promise((resolve, reject) =>
      channel.subscribe((status, error) => {
        if (status === "SUBSCRIBED") resolve();
        if (["CHANNEL_ERROR", "TIMED_OUT"].includes(status)) reject(new Error(`${status}: ${error?.message ?? ""}`));
      }),
    );
  const received = new Promise((resolve, reject) => {
    receiver.on("broadcast", { event: "greeting" }, ({ payload }) => resolve(payload));
    setTimeout(() => reject(new Error("no broadcast within 10 s")), 10_000).unref();
  });
  await joined(receiver);
  await joined(sender);
  await sender.send({ type: "broadcast", event: "greeting", payload: { text: "hi" } });
  results.broadcast = await received;
}

async function refusals() {
  const status = async (path, headers = {}) => (await fetch(PROJECT_URL + path, { headers, redirect: "manual" })).status;
  const bearer = (key) => ({ apikey: key, Authorization: `Bearer ${key}` });
  results.wrong_key = await status("/rest/v1/anything", bearer("wrong"));
  results.no_key = await status("/rest/v1/anything");
  results.pg_with_anon = (await sql("select 1", ANON_KEY)).status;
  results.dashboard_without_password = await status("/");
}

const alice = await signUp("alice");
const bob = await signUp("bob");
await rowLevelSecurity(alice, bob);
await storage(alice);
if (process.env.WITHOUT_FUNCTION !== "1") await functions(alice);
await broadcast(alice, bob);
await refusals();
console.log(JSON.stringify(results));
process.exit(0);
