# The application's image: one image, six roles. Builds with Docker (either builder) and buildah: docker build -f Dockerfile.app -t taskora/app:dev .
ARG BASE=python:3.11-slim

FROM ${BASE} AS libraries
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY pyproject.toml uv.lock ./
ENV UV_PROJECT_ENVIRONMENT=/opt/libraries UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
RUN uv sync --frozen --no-dev --no-install-project --extra app

FROM ${BASE} AS program
COPY app/taskora /opt/program/taskora
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/program

# The libraries are a layer of their own: a change of the program moves a few hundred kilobytes.
FROM ${BASE}
COPY --from=libraries /opt/libraries /opt/libraries
COPY --from=program /opt/program /opt/program
ENV PATH=/opt/libraries/bin:$PATH PYTHONPATH=/opt/program PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000 8080 9090
ENTRYPOINT ["python", "-m", "taskora"]
