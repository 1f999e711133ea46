ARG BASE
FROM ${BASE}
ENTRYPOINT ["/usr/local/bin/vector"]
