ARG BASE
FROM ${BASE}
WORKDIR /opt/app/rel/logflare/bin
CMD ["sh", "run.sh"]
