ARG BASE
FROM ${BASE}
ENV PGDATA=/var/lib/postgresql/data POSTGRES_HOST=/var/run/postgresql POSTGRES_USER=supabase_admin POSTGRES_DB=postgres
STOPSIGNAL SIGINT
EXPOSE 5432
HEALTHCHECK --interval=2s --timeout=2s --retries=10 CMD pg_isready -U postgres -h localhost
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres", "-D", "/etc/postgresql"]
