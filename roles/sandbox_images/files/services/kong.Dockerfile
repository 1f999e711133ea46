ARG BASE
FROM ${BASE}
USER kong
STOPSIGNAL SIGQUIT
EXPOSE 8000 8443 8001 8444
HEALTHCHECK --interval=60s --timeout=10s --retries=10 CMD kong health
ENTRYPOINT ["/entrypoint.sh"]
CMD ["kong", "docker-start"]
