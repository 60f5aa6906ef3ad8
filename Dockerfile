# Build: everything goes into one venv, which the second stage takes over; no build tool and no cache comes along.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/dispatchserver
WORKDIR /src
# The dependencies change rarely: a layer of their own.
COPY requirements/core.lock requirements/
RUN /opt/dispatchserver/bin/pip install --require-hashes -r requirements/core.lock
COPY pyproject.toml README.md ./
COPY dispatchserver dispatchserver
COPY templates templates
COPY static static
RUN pip wheel --no-deps --wheel-dir /dist . \
    && /opt/dispatchserver/bin/pip install --no-deps --no-index /dist/*.whl

FROM python:3.12-slim
LABEL org.opencontainers.image.title="dispatchserver" \
      org.opencontainers.image.description="A callback scheduler: tell it when and whom to call"
COPY --from=build /opt/dispatchserver /opt/dispatchserver
# A number, not a name: Kubernetes' runAsNonRoot can check it.
RUN install -d -o 10001 -g 10001 /data
USER 10001:10001
# Working in /data too, so that nothing is ever written elsewhere: the root file system may be read-only.
WORKDIR /data
VOLUME /data
ENV PATH=/opt/dispatchserver/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DISPATCH_HOST=0.0.0.0 \
    DISPATCH_PORT=8080 \
    DISPATCH_DATABASE_URL=sqlite:////data/dispatch.db
EXPOSE 8080
# http.client sends "Host: localhost" and, unlike urllib, never asks a proxy from the environment.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('localhost', int(os.environ['DISPATCH_PORT']), timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["dispatchserver"]
CMD ["serve"]
