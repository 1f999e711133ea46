ARG BASE
FROM ${BASE}
WORKDIR /app
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=5s --retries=3 CMD node -e "fetch('http://localhost:3000/api/platform/profile').then((r) => {if (r.status !== 200) throw new Error(r.status)})"
ENTRYPOINT ["node-entrypoint.sh"]
CMD ["node", "apps/studio/server.js"]
