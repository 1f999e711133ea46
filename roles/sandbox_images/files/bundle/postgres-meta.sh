#!/bin/sh
# Puts postgres-meta's own code and its packages into one file: reading hundreds of files makes its start three times as long.
# Names are kept: the program tells errors apart by those of their classes.
# What is left out of the file is loaded as before: programs that read files beside themselves.
set -eu
cd /opt/standins/node_modules/@supabase/postgres-meta/dist/server
/opt/standins/node_modules/.bin/esbuild server.js --bundle --outfile=bundled.js --allow-overwrite --log-level=error \
  --platform=node --format=esm --target=node20 --minify-syntax --minify-whitespace --keep-names \
  --alias:@sentry/node=/opt/bundle/no-error-reporting.js --alias:@sentry/profiling-node=/opt/bundle/no-error-reporting.js \
  --external:oxfmt --external:prettier --external:libpg-query --external:pg-format \
  --banner:js='import {createRequire as makeRequire} from "node:module"; import {fileURLToPath as toPath} from "node:url"; import {dirname as folderOf} from "node:path"; const require = makeRequire(import.meta.url); const __filename = toPath(import.meta.url); const __dirname = folderOf(__filename);'
mv bundled.js server.js
cd /opt/standins/node_modules
rm -rf esbuild @esbuild .bin/esbuild @sentry @sentry-internal @opentelemetry @prisma
