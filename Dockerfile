# The service as an image: built with the locked packages, run by a user without rights.
FROM python:3.13-slim AS build
WORKDIR /srv/inseam
RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml alembic.ini ./
COPY app app
COPY migrations migrations
RUN /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index -e . \
    && python -m compileall -q app

FROM python:3.13-slim
RUN useradd --system --uid 10001 --user-group --no-create-home inseam \
    && install -d -o inseam -g inseam -m 0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/inseam /srv/inseam
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    INSEAM_DATA_DIR=/data \
    INSEAM_HOST=0.0.0.0
WORKDIR /srv/inseam
USER inseam
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('INSEAM_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["inseam", "serve"]
