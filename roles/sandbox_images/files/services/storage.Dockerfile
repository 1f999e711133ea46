ARG BASE
FROM ${BASE}
WORKDIR /app
EXPOSE 5000
CMD ["node", "dist/start/server.js"]
