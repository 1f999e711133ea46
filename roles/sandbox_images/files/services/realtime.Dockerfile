ARG BASE
FROM ${BASE}
WORKDIR /app
ENV ECTO_IPV6=true ERL_AFLAGS="-proto_dist inet6_tcp"
ENTRYPOINT ["/app/run.sh"]
CMD ["/app/bin/server"]
