ARG BASE
FROM ${BASE}
ENTRYPOINT ["edge-runtime"]
