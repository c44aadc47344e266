# One image for all parts:
#   docker run … pal-e-mail                                the page, the callback and a worker
#   docker run … pal-e-mail worker                         only a worker
#   docker run … pal-e-mail migrate                        create or update the tables, and exit
#   docker run … --entrypoint uvicorn pal-e-mail --factory callback.app:create_app \
#       --host 0.0.0.0 --port 8501 --no-access-log         only the callback and the API

FROM python:3.13-slim AS build

WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# The same path as in the final image: a virtual environment cannot be moved.
RUN python -m venv /opt/pal-e-mail \
    && /opt/pal-e-mail/bin/pip install --no-cache-dir --constraint constraints.txt \
        "$(echo /wheels/pal_e_mail-*.whl)[admin,callback]" \
    # Copying changes the files' times, so Python would consider the bytecode stale and recompile
    # a third of it at each start. Bytecode with an unchecked hash is always used as it is.
    && python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash /opt/pal-e-mail/lib


FROM python:3.13-slim

# A number, not a name: Kubernetes' runAsNonRoot cannot check a name.
RUN groupadd --gid 10001 pal-e-mail \
    && useradd --uid 10001 --gid 10001 --create-home --home-dir /var/lib/pal-e-mail pal-e-mail
COPY --from=build /opt/pal-e-mail /opt/pal-e-mail
ENV PATH=/opt/pal-e-mail/bin:$PATH \
    PALEMAIL_DATA_DIR=/var/lib/pal-e-mail \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/pal-e-mail

EXPOSE 8501
# By bash alone: a Python every few seconds would be most of what an idle container costs.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8501; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; read -r _ status _ <&3; [[ $status == 200 ]]"]

# A container is reached from outside, so this listens on every address. Without a login
# (docs/deployment.md) it stops with an error, rather than leave the page open to everyone.
ENTRYPOINT ["pal-e-mail"]
CMD ["up", "--host", "0.0.0.0"]
