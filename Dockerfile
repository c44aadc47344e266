# Two images:
#   --target web (the default)   the page, with the callback, the API and a worker:
#     docker run … pal-e-mail
#   --target worker              all the rest, without Streamlit, in a third of the space:
#     docker run … pal-e-mail:worker                    a worker
#     docker run … pal-e-mail:worker smtp               takes messages in by SMTP
#     docker run … pal-e-mail:worker migrate            create or update the tables, and exit
#     docker run … --entrypoint uvicorn pal-e-mail:worker --factory callback.app:create_app \
#         --host 0.0.0.0 --port 8501 --no-access-log    only the callback and the API

ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /source
COPY deploy/image deploy/image
RUN python -m venv /tools \
    && /tools/bin/pip install --no-cache-dir --require-hashes --requirement deploy/image/build.txt
COPY . .
RUN /tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM build AS install-worker
RUN sh deploy/image/install.sh worker

FROM build AS install-web
RUN sh deploy/image/install.sh web


FROM ${BASE} AS base
# A number, not a name: Kubernetes' runAsNonRoot cannot check a name.
RUN groupadd --gid 10001 pal-e-mail \
    && useradd --uid 10001 --gid 10001 --create-home --home-dir /var/lib/pal-e-mail pal-e-mail
ENV PATH=/opt/pal-e-mail/bin:$PATH \
    PALEMAIL_DATA_DIR=/var/lib/pal-e-mail \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/pal-e-mail
ENTRYPOINT ["pal-e-mail"]

# Bash asks for health: a Python every few seconds would be most of what an idle container costs.
FROM base AS worker
COPY --from=install-worker /opt/pal-e-mail /opt/pal-e-mail
EXPOSE 8503
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8503; printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3; read -r _ status _ <&3; [[ $status == 200 ]]"]
CMD ["worker", "--health-port", "8503"]

FROM base AS web
COPY --from=install-web /opt/pal-e-mail /opt/pal-e-mail
EXPOSE 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8501; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; read -r _ status _ <&3; [[ $status == 200 ]]"]
# A container is reached from outside, so this listens on every address. Without a login
# (docs/deployment.md) it stops with an error, rather than leave the page open to everyone.
CMD ["up", "--host", "0.0.0.0"]
