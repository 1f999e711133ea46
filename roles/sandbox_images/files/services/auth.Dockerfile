ARG BASE
FROM ${BASE}
USER supabase
CMD ["auth"]
