ARG BASE
FROM ${BASE}
WORKDIR /usr/src/app
ENV PG_META_PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --retries=3 CMD node -e "fetch('http://localhost:8080/health').then((r) => {if (r.status !== 200) throw new Error(r.status)})"
CMD ["node", "dist/server/server.js"]
